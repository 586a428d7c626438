"""The bodies of how an answer, or a search, came about."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from rag.trace import Ended, Opinion, State, Trace, TracedCitation


class CandidateBody(BaseModel):
    """A chunk that was considered. Ranks begin at 1; null where that retriever did not propose it."""

    chunk_id: str
    document_id: str
    title: str | None = Field(description="Null if it is removed.")
    dense: float | None = Field(description="Cosine, -1 to 1.")
    dense_rank: int | None
    lexical: float | None = Field(description="BM25 as a share of what all the query's words weigh.")
    lexical_rank: int | None
    hop: float = Field(description="What following a name from a better hit added.")
    via: str | None = Field(description="The chunk that has the name.")
    score: float = Field(description="Before reranking.")
    rerank: float | None = Field(description="The reranker's score, if it read the chunk.")
    rerank_rank: int | None
    rank: int | None = Field(description="Its place among the hits, from 1; null if it is none.")
    dropped: str | None = Field(description="Why it is no hit.")
    state: State = Field(State.CURRENT, description="What became of its version since; never `removed` in a search.")


class UsageBody(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


class TracedCitationBody(BaseModel):
    n: int
    document_id: str
    version: int
    title: str | None = Field(description="Null if it is removed.")
    page: int | None
    start: int
    end: int
    quote: str | None = Field(description="Null if it is not kept, or the trace is without its text.")
    supported: bool
    state: State

    @classmethod
    def of(cls, citation: TracedCitation) -> "TracedCitationBody":
        return cls(**vars(citation))


class OpinionBody(BaseModel):
    principal: str
    at: str
    rating: str
    reasons: list[str]
    comment: str | None

    @classmethod
    def of(cls, opinion: Opinion) -> "OpinionBody":
        return cls(**vars(opinion) | {"at": iso(opinion.at), "reasons": list(opinion.reasons)})


class TraceBody(BaseModel):
    """How an answer came about. Texts are null where they are not kept, or rest on a document that is gone."""

    id: str
    at: str = Field(description="When the answer ended.")
    principal: str = Field(description="The id of the key that asked; `local` for the person at the machine.")
    conversation_id: str
    ended: Ended = Field(description="done; error; left: the reader did not wait for the end.")
    question: str | None
    search: dict[str, Any] = Field(description="Where was looked, for how much, and how many turns came before.")
    candidates: list[CandidateBody] = Field(description="Every passage that was considered, best first.")
    evidence: float | None = Field(description="How likely the sources were to answer, 0 to 1.")
    prompt: str = Field(description="The version of the prompt file; empty if no model was asked.")
    messages: list[dict[str, str]] | None = Field(description="The prompt.")
    written: str | None = Field(description="What the model wrote, before the check.")
    answer: str | None
    abstained: bool
    withheld: str = Field(description="Why there is no answer; empty if there is one.")
    generator: str | None
    routed: str = Field(description="Why this generator was asked, in words.")
    citations: list[TracedCitationBody]
    dropped_marks: int = Field(description="Marks that the model wrote and no source proves.")
    usage: UsageBody
    timings: dict[str, float] = Field(description="Milliseconds since the question; `search_...`: the search's parts.")
    error: dict[str, str] | None
    removed: bool = Field(description="Whether text is left out because a document was deleted or closed since.")
    feedback: list[OpinionBody] = Field(description="Your own; for administrators everybody's.")

    @classmethod
    def of(cls, trace: Trace) -> "TraceBody":
        plain = {name: getattr(trace, name) for name in cls.model_fields if hasattr(trace, name)}
        return cls(
            **plain
            | {
                "at": iso(trace.at),
                "candidates": [CandidateBody(**one) for one in trace.candidates],
                "citations": [TracedCitationBody.of(one) for one in trace.citations],
                "usage": UsageBody(**vars(trace.usage)),
                "timings": trace.timings_ms,
                "feedback": [OpinionBody.of(one) for one in trace.feedback],
            }
        )


def iso(moment: float) -> str:
    """Return Unix seconds as ISO 8601."""
    return datetime.fromtimestamp(moment, UTC).isoformat()
