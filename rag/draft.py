"""A question, and its answer while it is made: what each step adds, and what the reader's last event is made of."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from rag.prompt import ABSTENTION, Message
from rag.retrieve import Retrieval
from rag.types import ANY_DOCUMENT, Citation, Done, Filters, Hit, Principal, Turn, Usage

EXTRACTIVE = "extractive"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, by whom, of which collections (None: all). `trace_id` names this answer everywhere."""

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
    is no answer, "" if there is one. `prompt` is the version of the prompt file and `messages` what was sent; a
    `small_model` is one that reads the closest sentences alone. `dropped_marks` were written and not proven.
    """

    question: Question
    retrieval: Retrieval | None = None
    prompt: str = ""
    messages: list[Message] = field(default_factory=list)
    generator: str = EXTRACTIVE
    small_model: bool = False
    written: str = ""
    usage: Usage = field(default_factory=Usage)
    answer: str = ABSTENTION
    citations: list[Citation] = field(default_factory=list)
    dropped_marks: int = 0
    withheld: str = ""
    began: float = field(default_factory=time.perf_counter)
    timings_ms: dict[str, float] = field(default_factory=dict)

    @property
    def hits(self) -> list[Hit]:
        return self.retrieval.hits if self.retrieval else []

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
