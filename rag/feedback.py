"""What people think of answers: one opinion for each person and answer, the latest."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import Engine

from rag.database import clock, transaction
from rag.settings import TraceSettings
from rag.tables import FeedbackRow
from rag.traces import require_trace
from rag.types import Principal


class Rating(StrEnum):
    UP = "up"
    DOWN = "down"


class Reason(StrEnum):
    """What is wrong with an answer."""

    WRONG = "wrong"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    NOT_FOUND = "not-found"
    BAD_SOURCE = "bad-source"
    OTHER = "other"


class Feedback:
    """Every write of opinions."""

    def __init__(self, engine: Engine, settings: TraceSettings) -> None:
        self._engine, self._settings = engine, settings

    def give(
        self,
        trace_id: str,
        principal: Principal,
        rating: Rating,
        *,
        reasons: Sequence[Reason] = (),
        comment: str | None = None,
    ) -> None:
        """Keep an opinion in place of the one that this principal had of the answer.

        A comment is kept where text is. Raise TraceNotFound for an answer that the principal may not read.
        """
        with transaction(self._engine, writes=True) as session:
            require_trace(session, trace_id, principal)
            session.merge(
                FeedbackRow(
                    trace_id=trace_id,
                    principal=principal.name,
                    at=clock(session),
                    rating=rating,
                    reasons=[str(reason) for reason in dict.fromkeys(reasons)],
                    comment=None if self._settings.keep_text == "none" else comment,
                )
            )
