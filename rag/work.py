"""What work is, and how it is added: in the same transaction as what makes it necessary."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, String, cast, delete, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from rag.database import clock, insert_if_new
from rag.tables import DocumentRow, LaneRow, WorkerRow, WorkRow
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
    """Queue work for any worker. What is queued already stays as it is; what is due later is due now.

    What is held already is done once more: its holder may be past the place for which it is asked. The caller holds
    the document's row, so that its work is added by one transaction at a time.
    """
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
        known.not_before = now


def add_reindexing(session: Session, generation: int, *such: ColumnElement[bool]) -> None:
    """Queue that a new generation is filled with what such documents serve; one statement, however many there are."""
    lane, version = BACKGROUND + Kind.REINDEX, cast(DocumentRow.serving, String)
    insert_if_new(session, LaneRow, name=lane, claimed_at=0.0)
    values = {
        "id": f"{Kind.REINDEX}:" + DocumentRow.id + ":" + version + f":{generation}",
        "kind": literal(Kind.REINDEX.value),
        "document_id": DocumentRow.id,
        "version": DocumentRow.serving,
        "generation": literal(generation),
        "lane": literal(lane),
        "size_bytes": literal(0),
        "queued_at": literal(clock(session)),
        "not_before": literal(0.0),
        "attempts": literal(0),
        "strikes": literal(0),
        "lease_until": literal(0.0),
    }
    documents = select(*values.values()).where(*such).order_by(DocumentRow.id)
    session.execute(insert(WorkRow).from_select(list(values), documents))


def end_work(session: Session, work: Work) -> bool:
    """Remove work that is done, and tell whether it is; it is not if it was lost, or asked for again meanwhile."""
    done = delete(WorkRow).where(*held_by(work), WorkRow.not_before == 0.0).returning(WorkRow.id)
    if session.execute(done).first() is not None:
        return True
    session.execute(update(WorkRow).where(*held_by(work)).values(owner=None, lease_until=0.0))
    return False


def drop_waiting(session: Session, document_id: str) -> None:
    """Forget a document's work that nobody holds."""
    session.execute(delete(WorkRow).where(WorkRow.document_id == document_id, ~is_held(clock(session))))


def in_parts(document_ids: Collection[str], most: int = 100) -> Iterator[list[str]]:
    """Yield the ids in order, some at a time, so that no transaction is long and none waits for another in a ring."""
    ordered = sorted(document_ids)
    for first in range(0, len(ordered), most):
        yield ordered[first : first + most]


def locked(session: Session, document_ids: Collection[str]) -> Sequence[DocumentRow]:
    """Return those of the documents that are known, in order, their rows locked."""
    rows = select(DocumentRow).where(DocumentRow.id.in_(document_ids)).order_by(DocumentRow.id)
    return session.scalars(rows.with_for_update(key_share=True)).all()


def locked_one(session: Session, document_id: str) -> DocumentRow | None:
    """Return a document's row, locked. As everywhere, rows that point to it may still be added by others."""
    return session.get(DocumentRow, document_id, with_for_update={"key_share": True})


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
