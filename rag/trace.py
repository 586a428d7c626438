"""How an answer came about: a draft, done or not, to the record that is shown, kept and read again."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rag.errors import RagError
from rag.prompt import Message
from rag.retrieve import explained
from rag.types import Citation, Usage

if TYPE_CHECKING:
    from rag.draft import Draft


class Ended(StrEnum):
    """How an answer ended: complete, with an error, or because its reader left."""

    DONE = "done"
    ERROR = "error"
    LEFT = "left"


class State(StrEnum):
    """What became of the version that a candidate or a citation is of.

    `removed`: it is deleted, or closed to the reader. Nothing of it is shown then but its id.
    """

    CURRENT = "current"
    REPLACED = "replaced"
    REMOVED = "removed"


@dataclass(frozen=True, kw_only=True)
class TracedCitation:
    """A citation and its check; `quote` and `title` are None where they are not kept or may not be shown."""

    n: int
    document_id: str
    version: int
    page: int | None
    start: int
    end: int
    quote: str | None
    supported: bool
    title: str | None = None
    state: State = State.CURRENT


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What somebody thought of an answer. `at` is in Unix seconds."""

    principal: str
    at: float
    rating: str
    reasons: tuple[str, ...]
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """An answer, step by step. Texts are None where they are not kept, or rest on a document that is gone.

    `sources` are the versions that the text may rest on. `search` says where was looked for how much. `candidates`
    are those of `rag.retrieve.explained`. `written` is what the model wrote before the check, `messages` the prompt.
    `evidence` is how likely, 0 to 1, the sources were to answer. `routed` says why this generator, in words,
    `dropped_marks` how many marks of the model's were not proven.
    `timings_ms` counts from the question on; those that begin with `search_` are the parts of the search. `at` is when
    the answer ended, in Unix seconds.
    """

    id: str
    principal: str
    conversation_id: str
    ended: Ended
    question: str | None
    search: Mapping[str, Any]
    sources: frozenset[tuple[str, int]]
    candidates: Sequence[Mapping[str, Any]]
    evidence: float | None
    prompt: str
    messages: Sequence[Message] | None
    written: str | None
    answer: str | None
    abstained: bool
    withheld: str
    generator: str | None
    routed: str
    citations: Sequence[TracedCitation]
    dropped_marks: int
    usage: Usage
    timings_ms: Mapping[str, float]
    error: Mapping[str, str] | None
    at: float = field(default_factory=time.time)
    removed: bool = field(default=False)  # whether text is left out because of what became of a document
    feedback: Sequence[Opinion] = ()


def trace_of(draft: "Draft", ended: Ended, error: Exception | None = None) -> Trace:
    """Return the trace of a draft as it stands, with all of its text."""
    question, is_done = draft.question, ended == Ended.DONE
    return Trace(
        id=question.trace_id,
        principal=question.principal.name,
        conversation_id=draft.conversation_id,
        ended=ended,
        question=question.text,
        search=_search(draft),
        sources=frozenset((hit.document_id, hit.version) for hit in draft.hits),
        candidates=explained(draft.retrieval) if draft.retrieval else [],
        evidence=draft.evidence.probability,
        prompt=draft.prompt,
        messages=draft.messages,
        written=draft.written,
        answer=draft.answer if is_done else None,
        abstained=is_done and not draft.citations,
        withheld=draft.withheld,
        generator=draft.generator if is_done or draft.messages else None,
        routed=draft.routed,
        citations=[_citation(citation, draft) for citation in draft.citations],
        dropped_marks=draft.dropped_marks,
        usage=draft.usage,
        timings_ms=_timings(draft),
        error=_problem(error) if error else None,
    )


def _search(draft: "Draft") -> dict[str, Any]:
    question, filters = draft.question, draft.question.filters
    narrowed = {
        "documents": list(filters.documents),
        "languages": list(filters.languages),
        "dated_from": filters.dated_from and filters.dated_from.isoformat(),
        "dated_to": filters.dated_to and filters.dated_to.isoformat(),
        "metadata": {name: list(values) for name, values in filters.metadata.items()},
    }
    return {
        "collections": None if question.collections is None else list(question.collections),
        "top_k": question.top_k,
        "history_turns": len(question.history),
        "reranked": draft.retrieval.reranked if draft.retrieval else False,
        "filters": {name: value for name, value in narrowed.items() if value},
    }


def _citation(citation: Citation, draft: "Draft") -> TracedCitation:
    title = next((hit.title for hit in draft.hits if hit.document_id == citation.document_id), None)
    kept = {name: value for name, value in vars(citation).items() if name != "section"}  # it is the document's text
    return TracedCitation(**kept, title=title)


def _timings(draft: "Draft") -> dict[str, float]:
    parts = draft.retrieval.took_ms if draft.retrieval else {}
    return {name: round(spent, 2) for name, spent in draft.timings_ms.items()} | {
        f"search_{name}": spent for name, spent in parts.items()
    }


def _problem(error: Exception) -> dict[str, str]:
    """Return what may be told of an error: of one that is not ours, only that there was one."""
    known = error if isinstance(error, RagError) else RagError("An unexpected error; the service's log has its cause.")
    return {"type": known.type, "title": known.title, "detail": known.detail}
