"""The answers in progress and those just finished: how many at once, who follows which, and who may come back."""

import logging
import math
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from api.live import Live, Reader
from rag.draft import Question
from rag.errors import AnswerGone, AnswerStopped, RagError, TooManyQuestions
from rag.types import AnswerEvent, Done, Sources

log = logging.getLogger(__name__)
GRACE_S = 1.0  # for a reader whose connection broke; then the engine is stopped
KEPT_S = 60.0
MOST_KEPT = 500
Event = AnswerEvent | RagError


@dataclass(kw_only=True)
class _Kept:
    owner: str
    live: Live[Event]
    ended: float = math.inf


class Answers:
    """Those of one process: another one knows nothing of them."""

    def __init__(self, most_at_once: int) -> None:
        self._most_at_once = most_at_once
        self._running = 0
        self._kept: dict[str, _Kept] = {}  # oldest first
        self._lasted: deque[float] = deque(maxlen=50)

    def begin(self, question: Question, events: AsyncGenerator[AnswerEvent, None]) -> Live[Event]:
        """Return an answer in progress, whose last event is a Done or a RagError.

        Raise TooManyQuestions, before anything is looked for, if as many as may be are in progress.
        """
        if self._running >= self._most_at_once:
            raise TooManyQuestions(
                f"{self._running} questions are being answered, which is as many as this service takes at once "
                "(RAG_API_MAX_ANSWERS). Ask again in a moment.",
                retry_after_s=self._until_one_ends(),
            )
        began = time.monotonic()
        stopped = AnswerStopped("Nobody was reading any more. Ask again.")
        live: Live[Event] = Live(_ending(events), grace_s=GRACE_S, stopped=stopped, is_last=_is_last)
        kept = _Kept(owner=question.principal.name, live=live)
        live.when_over(lambda: self._over(kept, began))
        self._running += 1
        self._kept[question.trace_id] = kept
        return live

    def resume(self, event_id: str, caller: str) -> tuple[str, Reader[Event]]:
        """Return an answer's trace id, and a reader of what came after the event `<trace id>-<number>`.

        Raise AnswerGone if it is not kept here, or not this caller's.
        """
        trace_id, number, kept = self._find(event_id, caller)
        return trace_id, kept.live.follow(number)

    def documents(self, event_id: str, caller: str) -> list[str]:
        """Return the documents of an answer's sources as far as they are known. Raise AnswerGone as `resume` does."""
        _, _, kept = self._find(event_id, caller)
        found = [event for event in kept.live.events if isinstance(event, Sources)]
        return sorted({hit.document_id for sources in found for hit in sources.hits})

    def _find(self, event_id: str, caller: str) -> tuple[str, int, _Kept]:
        trace_id, _, number = event_id.rpartition("-")
        kept = self._kept.get(trace_id)
        is_known = kept is not None and kept.owner == caller and number.isdecimal()
        if kept is None or not is_known or int(number) > len(kept.live.events):
            raise AnswerGone("It is not kept any more, or not by the process that you have reached. Ask again.")
        return trace_id, int(number), kept

    def _over(self, kept: _Kept, began: float) -> None:
        kept.ended = time.monotonic()
        self._running -= 1
        self._lasted.append(kept.ended - began)
        ended = [(trace_id, one) for trace_id, one in self._kept.items() if one.live.is_over]
        for number, (trace_id, one) in enumerate(ended, start=1):
            if kept.ended - one.ended > KEPT_S or number <= len(ended) - MOST_KEPT:
                del self._kept[trace_id]

    def _until_one_ends(self) -> int:
        """Return the seconds after which one of those in progress has ended, as things went lately."""
        usual = sum(self._lasted) / len(self._lasted) if self._lasted else 1.0
        return max(1, math.ceil(usual / self._most_at_once))


def _is_last(event: Event) -> bool:
    return isinstance(event, Done | RagError)


async def _ending(events: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[Event, None]:
    """Yield the events; an error becomes the last one."""
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    except RagError as exc:
        yield exc
    except Exception:
        log.exception("unexpected error in an answer")
        yield RagError("An unexpected error; the service's log has its cause.")
