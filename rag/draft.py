"""A question, and its answer while it is made: what each step adds, and what the reader's last event is made of."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from rag.conversations import Conversation, PastTurn
from rag.evidence import NO_EVIDENCE, Evidence, nearest
from rag.prompt import ABSTENTION, Message, Prompt
from rag.retrieve import Retrieval
from rag.trace import Trace
from rag.types import ANY_DOCUMENT, Citation, Done, Filters, Hit, NumberedHit, Principal, Turn, Usage

if TYPE_CHECKING:
    from rag.routing import Route

EXTRACTIVE = "extractive"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, by whom, of which collections (None: all). `trace_id` names this answer everywhere.

    With `explain`, the last event has the answer's trace. With a `conversation_id` and no `history` it goes on with
    what is kept under it, and is kept there.
    """

    text: str
    principal: Principal
    collections: Sequence[str] | None = None
    history: Sequence[Turn] = ()
    conversation_id: str | None = None
    filters: Filters = ANY_DOCUMENT
    top_k: int
    explain: bool = False
    trace_id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True, kw_only=True)
class CacheKey:
    """Where an answer may be kept, and what it is sealed with: 32 bytes."""

    address: str
    secret: bytes = field(repr=False)


@dataclass(kw_only=True)
class Draft:
    """An answer while it is made. Until a step says otherwise, it is the one that says nothing.

    `written` is what the model wrote, `answer` what is left of it after the check. `withheld` says in words why there
    is no answer, "" if there is one. `prompt` is the name and version of the prompt file and `messages` what is sent.
    `routes` are the generators that may write, best first; `routed` says which of them and of their engines were asked.
    `cached`: it is an answer given before; `degraded`: a part was away, so that a later one may be better.
    `sources` are what the prompt holds, those of this question's hits first; `added` those that it sends for the first
    time in its conversation; `documents` all that the answer may rest on.
    `dropped_marks` were written and not proven. `model` is the one that was asked last, "" if none was, also if
    the answer is not what it wrote; `cost` is of what it wrote, None where no price is known.
    """

    question: Question
    conversation: Conversation | None = None
    retrieval: Retrieval | None = None
    evidence: Evidence = NO_EVIDENCE
    prompt: str = ""
    template: Prompt | None = None
    routes: "Sequence[Route]" = ()
    messages: list[Message] = field(default_factory=list)
    sources: list[NumberedHit] = field(default_factory=list)
    added: list[NumberedHit] = field(default_factory=list)
    documents: tuple[str, ...] = ()
    generator: str = EXTRACTIVE
    model: str = ""
    routed: str = ""
    written: str = ""
    usage: Usage = field(default_factory=Usage)
    cost: float | None = None
    answer: str = ABSTENTION
    citations: list[Citation] = field(default_factory=list)
    dropped_marks: int = 0
    withheld: str = ""
    cached: bool = False
    cache_key: CacheKey | None = None
    degraded: bool = False
    began: float = field(default_factory=time.perf_counter)
    timings_ms: dict[str, float] = field(default_factory=dict)
    trace: Trace | None = None
    conversation_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.conversation_id = self.question.conversation_id or uuid4().hex

    @property
    def hits(self) -> list[Hit]:
        return self.retrieval.hits if self.retrieval else []

    @property
    def history(self) -> list[Turn]:
        """What was said before: what the caller sends, else what is kept of the conversation."""
        turns = self.conversation.turns if self.conversation else ()
        kept = [pair for turn in turns for pair in (("user", turn.question), ("assistant", turn.answer))]
        return list(self.question.history) or [Turn(role=role, content=content) for role, content in kept]

    def number(self, hit: Hit) -> int | None:
        """Return the number of the source that holds a hit, if one does."""
        return next((source.n for source in self.sources if hit.chunk_id in source.chunk_ids), None)

    def turn(self) -> PastTurn:
        """Return the answer as a conversation keeps it.

        Without the names of what was nearest: it rests on no document, so that nothing would take them out again, nor
        keep those of internal ones from an external engine.
        """
        cited = {citation.n for citation in self.citations}
        return PastTurn(
            question=self.question.text,
            answer=self.answer if self.citations else ABSTENTION,
            abstained=not self.citations,
            trace_id=self.question.trace_id,
            sources=tuple(self.added if self.written or self.citations else ()),
            documents=self.documents if self.citations else (),
            again=tuple(source for source in self.sources if source.n in cited and source not in self.added),
        )

    def reached(self, step: str) -> None:
        """Note when a step was first done, in milliseconds since the question came."""
        self.timings_ms.setdefault(step, (time.perf_counter() - self.began) * 1000)

    def withhold(self, reason: str, *, name_nearest: bool = True) -> None:
        """Answer that the documents do not say, whatever was written, and which are nearest if they may be named."""
        named = nearest(self.hits) if name_nearest else ""
        self.answer, self.citations, self.withheld = f"{ABSTENTION} {named}".strip(), [], reason

    def done(self) -> Done:
        """Return the last event."""
        self.reached("first_token")
        self.reached("total")
        return Done(
            answer=self.answer,
            abstained=not self.citations,
            citations=tuple(self.citations),
            generator=self.generator,
            usage=self.usage,
            trace_id=self.question.trace_id,
            evidence=self.evidence.probability,
            conversation_id=self.conversation_id,
            timings_ms=dict(self.timings_ms),
            trace=self.trace,
            cached=self.cached,
        )
