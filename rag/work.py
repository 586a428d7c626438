"""What work is, and how it is added: in the same transaction as what makes it necessary."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, func, literal, or_, select
from sqlalchemy.orm import Session

from rag.database import clock, insert_if_new
from rag.tables import LaneRow, WorkerRow, WorkRow
from rag.types import Failure

WORKER_SEEN_S = 20.0  # four times the interval in which a worker says that it is alive
BACKGROUND = ":"  # lanes of work that nobody waits for begin with it; no collection's name does


class Kind(StrEnum):
    """What is to be done.

    `ingest`: make a version searchable. `reindex`: fill another generation with the version that serves.
    `clean`: remove what is no longer shown; of a deleted document, everything.
    """

    INGEST = "ingest"
    REINDEX = "reindex"
    CLEAN = "clean"


@dataclass(frozen=True, kw_only=True)
class Work:
    """Work that one worker holds. `owner` is different in each claim, so that a late holder changes nothing."""

    id: str
    kind: Kind
    document_id: str
    version: int
    generation: int
    owner: str
    attempts: int


def add_work(
    session: Session,
    kind: Kind,
    document_id: str,
    *,
    version: int = 0,
    generation: int = 0,
    lane: str = "",
    size_bytes: int = 0,
) -> None:
    """Queue work for any worker. What is queued already stays as it is; what is due later is due now."""
    now = clock(session)
    row = WorkRow(
        id=f"{kind}:{document_id}:{version}:{generation}",
        kind=kind,
        document_id=document_id,
        version=version,
        generation=generation,
        lane=lane or BACKGROUND + kind,
        size_bytes=size_bytes,
        queued_at=now,
        not_before=0.0,
        attempts=0,
        strikes=0,
        lease_until=0.0,
    )
    known = session.get(WorkRow, row.id, with_for_update=True)
    if known is None:
        insert_if_new(session, LaneRow, name=row.lane, claimed_at=0.0)
        session.add(row)
        session.flush()
    else:
        known.not_before = 0.0


def drop_waiting(session: Session, document_id: str) -> None:
    """Forget a document's work that nobody holds."""
    session.execute(delete(WorkRow).where(WorkRow.document_id == document_id, ~is_held(clock(session))))


def held_by(work: Work) -> Sequence[ColumnElement[bool]]:
    return WorkRow.id == work.id, WorkRow.owner == work.owner


def is_held(now: float, row: type[WorkRow] = WorkRow) -> ColumnElement[bool]:
    """Tell whether somebody works on it and was heard from."""
    return row.owner.is_not(None) & (row.lease_until >= now)


def is_due(now: float) -> ColumnElement[bool]:
    return (WorkRow.not_before <= now) & or_(WorkRow.owner.is_(None), WorkRow.lease_until < now)


def outstanding(session: Session, *such: ColumnElement[bool], most: int = 1000) -> int:
    """Return how much work there is of such a kind, at most `most`."""
    some = select(literal(1)).select_from(WorkRow).where(*such).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def waits_for(session: Session, document_id: str, version: int, last: Failure | None) -> str | None:
    """Return what the ingest of a version waits for, for people; None while a worker is on it.

    Tells what is merely waiting from what is stuck.
    """
    row = session.get(WorkRow, f"{Kind.INGEST}:{document_id}:{version}:0")
    now = clock(session)
    if row is None or (row.owner is not None and row.lease_until >= now):
        return None
    if session.scalar(select(WorkerRow.id).where(WorkerRow.seen_at >= now - WORKER_SEEN_S).limit(1)) is None:
        return "Stuck: no worker is running. `rag up` starts one; its log says why it ended."
    if row.owner is not None:
        return "Its worker was not heard from in time; another takes over."
    if row.not_before > now:
        reason = f" after: {last.title}. {last.detail}" if last else ""
        return f"Tried again in {row.not_before - now:.0f} s{reason}"
    before = outstanding(session, WorkRow.lane == row.lane, WorkRow.queued_at < row.queued_at)
    return f"For a worker; {before} documents of its collection are before it."
