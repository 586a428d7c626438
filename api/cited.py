"""Whole answers for readers who can take nothing back: checked, with the titles of what they cite."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from api.answers import Event
from api.live import Live, Reader
from api.schemas import CitationBody
from rag.errors import RagError
from rag.types import Done, Sources

PATIENCE_S = 10.0
_LINES = re.compile(r"(?:\n+- \[\d{1,2}\] [^\n]*)+\s*\Z")
_MARKUP = str.maketrans("[]<>", "()()")


class CitedBody(CitationBody):
    title: str = Field(description="Of the document that is cited.")


@dataclass(frozen=True, kw_only=True)
class Checked:
    """An answer that nothing will change any more."""

    done: Done
    citations: list[CitedBody]


async def begun(live: Live[Event], reader: Reader[Event]) -> None:
    """Wait for an answer's first event. Raise what its retrieval raised."""
    while not live.events:
        await reader.batch(PATIENCE_S)
    if isinstance(live.events[0], RagError):
        raise live.events[0]


async def finished(live: Live[Event], reader: Reader[Event]) -> Checked:
    """Read an answer to its end and return it; the caller closes the reader. Raise the error that it ended with."""
    while await reader.batch(PATIENCE_S) is not None:
        pass
    return checked(live.events)


def checked(events: Sequence[Event]) -> Checked:
    """Return what all events of an answer come to. Raise the error that it ended with."""
    first, last = events[0], events[-1]
    if isinstance(last, RagError):
        raise last
    assert isinstance(first, Sources) and isinstance(last, Done)  # noqa: S101  # how every answer begins and ends
    titles = {n: hit.title for n, hit in zip(first.numbers, first.hits, strict=True)}
    citations = [
        CitedBody(title=titles.get(citation.n, citation.document_id), **CitationBody.of(citation).model_dump())
        for citation in last.citations
    ]
    return Checked(done=last, citations=citations)


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
