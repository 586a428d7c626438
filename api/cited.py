"""Whole answers for readers who can take nothing back: checked, with the titles of what they cite."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from pydantic import Field

from api.schemas import CitationBody
from rag.types import AnswerEvent, Done, Sources

_LINES = re.compile(r"(?:\n+- \[\d{1,2}\] [^\n]*)+\s*\Z")
_MARKUP = str.maketrans("[]<>", "()()")


class CitedBody(CitationBody):
    title: str = Field(description="Of the document that is cited.")


async def begun(events: AsyncGenerator[AnswerEvent, None]) -> Sources:
    """Return an answer's first event. Raise what the retrieval raises, before anything was sent to the reader."""
    sources = await anext(events)
    assert isinstance(sources, Sources)  # noqa: S101  # what every answer begins with
    return sources


async def finished(events: AsyncGenerator[AnswerEvent, None]) -> Done:
    """Return an answer's last event, whatever was written meanwhile."""
    async with aclosing(events):
        *_, done = [event async for event in events]
    assert isinstance(done, Done)  # noqa: S101  # what every answer ends with
    return done


def cited(sources: Sources, done: Done) -> list[CitedBody]:
    """Return the citations of an answer, each with its document's title."""
    titles = {n: hit.title for n, hit in enumerate(sources.hits, start=1)}
    return [
        CitedBody(title=titles.get(citation.n, citation.document_id), **CitationBody.of(citation).model_dump())
        for citation in done.citations
    ]


def source_lines(citations: Sequence[CitedBody]) -> str:
    """Return a list in Markdown of what is cited, a line a source, to be put after the answer; "" for nothing."""
    lines = dict.fromkeys(f"\n- [{citation.n}] {_name(citation)}" for citation in citations)
    return "\n" + "".join(lines) if lines else ""


def without_source_lines(text: str) -> str:
    """Return an answer that came back in a conversation as it was before `source_lines` were put after it."""
    return _LINES.sub("", text)


def without_images(text: str) -> str:
    """Return a text in whose Markdown no picture is loaded: its address could carry what was asked elsewhere."""
    return text.replace("![", "! [")


def _name(citation: CitedBody) -> str:
    """A title is a document's text: it is one line, and no markup of ours."""
    title = " ".join(citation.title.split()).translate(_MARKUP)
    return f"{title}, p. {citation.page}" if citation.page else title
