"""A question, and its answer while it is made: what each step adds, and what the reader's last event is made of."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from rag.conversations import Conversation, PastTurn
from rag.prompt import ABSTENTION, Message, Prompt
from rag.retrieve import Retrieval
from rag.types import ANY_DOCUMENT, Citation, Done, Filters, Hit, NumberedHit, Principal, Turn, Usage

EXTRACTIVE = "extractive"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, by whom, of which collections (None: all). `trace_id` names this answer everywhere.

    With a `conversation_id` and no `history` it goes on with what is kept under it, and is kept there.
    """

    text: str
    principal: Principal
    collections: Sequence[str] | None = None
    history: Sequence[Turn] = ()
    conversation_id: str | None = None
    filters: Filters = ANY_DOCUMENT
    top_k: int
    trace_id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(kw_only=True)
class Draft:
    """An answer while it is made. Until a step says otherwise, it is the one that says nothing.

    `written` is what the model wrote, `answer` what is left of it after the check. `withheld` says in words why there
    is no answer, "" if there is one. `prompt` is the name and version of the prompt file and `messages` what is sent.
    `sources` are what the prompt holds, those of this question's hits first; `added` those that it sends for the first
    time in its conversation; `documents` all that the answer may rest on.
    """

    question: Question
    conversation: Conversation | None = None
    retrieval: Retrieval | None = None
    template: Prompt | None = None
    messages: list[Message] = field(default_factory=list)
    sources: list[NumberedHit] = field(default_factory=list)
    added: list[NumberedHit] = field(default_factory=list)
    documents: tuple[str, ...] = ()
    generator: str = EXTRACTIVE
    written: str = ""
    usage: Usage = field(default_factory=Usage)
    answer: str = ABSTENTION
    citations: list[Citation] = field(default_factory=list)
    withheld: str = ""
    began: float = field(default_factory=time.perf_counter)
    timings_ms: dict[str, float] = field(default_factory=dict)

    @property
    def hits(self) -> list[Hit]:
        return self.retrieval.hits if self.retrieval else []

    @property
    def prompt(self) -> str:
        return f"{self.template.name}/{self.template.version}" if self.template else ""

    def number(self, hit: Hit) -> int | None:
        """Return the number of the source that holds a hit, if one does."""
        return next((source.n for source in self.sources if hit.chunk_id in source.chunk_ids), None)

    def turn(self) -> PastTurn:
        """Return the answer as a conversation keeps it."""
        return PastTurn(
            question=self.question.text,
            answer=self.answer,
            abstained=not self.citations,
            trace_id=self.question.trace_id,
            sources=tuple(self.added if self.written or self.citations else ()),
            documents=self.documents if self.citations else (),
        )

    def reached(self, step: str) -> None:
        """Note when a step was first done, in milliseconds since the question came."""
        self.timings_ms.setdefault(step, (time.perf_counter() - self.began) * 1000)

    def withhold(self, reason: str) -> None:
        """Answer that the documents do not say, whatever was written."""
        self.answer, self.citations, self.withheld = ABSTENTION, [], reason

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
            conversation_id=self.question.conversation_id or uuid4().hex,
            timings_ms=dict(self.timings_ms),
        )
