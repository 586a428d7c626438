"""Who works on what: the next work, its lease, its progress, its end. The broker remembers none of it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, exists, select, update
from sqlalchemy.orm import Session, aliased

from rag.database import clock, transaction
from rag.records import document_record
from rag.tables import DocumentRow, LaneRow, VersionRow, WorkerRow, WorkRow
from rag.types import Document, Failure, Status, Version
from rag.work import BACKGROUND, Kind, Work, add_work, end_work, held_by, in_parts, is_due, is_held, locked, outstanding

POISON = Failure(
    type="worker-lost",
    title="The document ended its worker",
    detail="Each worker that took it ended without a word, likely by its use of memory. Split it, or look in the "
    "worker's log; then reprocess it.",
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Work just taken, with what it is about. `version` is None where the whole document is meant."""

    work: Work
    document: Document
    version: Version | None
    is_deleted: bool


class Leases:
    """Every change of the work's state. One short transaction a call; safe from many processes on many machines."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, owner: str, lease_s: float, *, max_strikes: int = 5, max_bytes: int | None = None) -> Claim | None:
        """Take the next work that is due, or return None.

        The lane that waited longest for a worker is served first, and in it what waited longest. Two workers
        never work on the same document. A version that ended its worker `max_strikes` times ends as failed.
        With `max_bytes`, larger originals are left to others.
        """
        while True:
            with transaction(self._engine, writes=True) as session:
                now = clock(session)
                row = _next_due(session, now, max_bytes)
                if row is None:
                    return None
                was_lost = row.owner is not None  # its last holder never came back
                row.strikes += int(was_lost)
                if row.kind != Kind.CLEAN and row.strikes >= max_strikes:
                    _end_as_failed(session, row, POISON if was_lost else None)
                elif claim := _claimed(session, row, owner, now + lease_s):
                    session.execute(update(LaneRow).where(LaneRow.name == row.lane).values(claimed_at=now))
                    return claim

    def renew(self, work: Work, lease_s: float) -> bool:
        """Keep a lease alive. Return False once it is lost."""
        with transaction(self._engine, writes=True) as session:
            return _update(session, work, lease_until=clock(session) + lease_s)

    def report(self, work: Work, *, stage: str, done: int, total: int, unit: str) -> None:
        """Show progress: `done` of `total` `unit`s of `stage`."""
        with transaction(self._engine, writes=True) as session:
            if _holds(session, work):
                _update_version(session, work, stage=stage, done=done, total=total, unit=unit)

    def done(self, work: Work) -> None:
        """End work that leaves nothing else to do."""
        with transaction(self._engine, writes=True) as session:
            end_work(session, work)

    def fail(self, work: Work, failure: Failure) -> None:
        """End a version for good; the one served before it goes on serving."""
        with transaction(self._engine, writes=True) as session:
            if session.execute(delete(WorkRow).where(*held_by(work)).returning(WorkRow.id)).first():
                _update_version(session, work, status=Status.FAILED, stage=None, **_error(failure))

    def postpone(self, work: Work, failure: Failure, delay_s: float, *, strike: bool = False) -> None:
        """Give work back, to be tried again after `delay_s`. A strike counts towards its end as failed."""
        with transaction(self._engine, writes=True) as session:
            is_held_still = _update(
                session,
                work,
                owner=None,
                lease_until=0.0,
                not_before=clock(session) + delay_s,
                strikes=WorkRow.strikes + int(strike),
            )
            if is_held_still:
                _update_version(session, work, status=Status.QUEUED, stage=None, **_error(failure))

    def release(self, work: Work) -> None:
        """Give work back at once and without a strike: its worker stops, or must begin again."""
        with transaction(self._engine, writes=True) as session:
            if _update(session, work, owner=None, lease_until=0.0, not_before=0.0):
                _update_version(session, work, status=Status.QUEUED, stage=None)

    def due(self) -> int:
        """Return how much work waits for a worker now; more than 1000 is 1000."""
        with transaction(self._engine, writes=False) as session:
            return outstanding(session, is_due(clock(session)))

    def ask_to_clean(self, document_ids: Collection[str]) -> set[str]:
        """Have documents looked through for what should not be there. Return those that the registry does not know."""
        unknown = set(document_ids)
        for some in in_parts(document_ids):
            with transaction(self._engine, writes=True) as session:
                for document in locked(session, some):
                    add_work(session, Kind.CLEAN, document.id)
                    unknown.discard(document.id)
        return unknown

    def worker_seen(self, worker: str, forget_after_s: float) -> None:
        """Record that a worker process is alive, and forget those not heard from for long."""
        with transaction(self._engine, writes=True) as session:
            now = clock(session)
            row = session.get(WorkerRow, worker) or WorkerRow(id=worker, started_at=now)
            row.seen_at = now
            session.add(row)
            session.execute(delete(WorkerRow).where(WorkerRow.seen_at < now - forget_after_s))

    def workers(self, seen_within_s: float) -> int:
        """Return how many worker processes were heard from lately."""
        with transaction(self._engine, writes=False) as session:
            seen = WorkerRow.seen_at >= clock(session) - seen_within_s
            return len(session.scalars(select(WorkerRow.id).where(seen)).all())


def _next_due(session: Session, now: float, max_bytes: int | None) -> WorkRow | None:
    """Return the work to do next, its row and its document's locked.

    Cleaning comes before everything else, so that what is deleted is soon gone.
    """
    clean = BACKGROUND + Kind.CLEAN
    has_due = exists().where(WorkRow.lane == LaneRow.name, is_due(now))
    order = (LaneRow.name != clean, LaneRow.claimed_at, LaneRow.name)
    for lane in session.scalars(select(LaneRow.name).where(has_due).order_by(*order)).all():
        other = aliased(WorkRow)
        is_busy = exists().where(other.document_id == WorkRow.document_id, is_held(now, other))
        due = select(WorkRow).where(WorkRow.lane == lane, is_due(now), ~is_busy)
        if max_bytes is not None:
            due = due.where(WorkRow.size_bytes <= max_bytes)
        row = session.scalars(
            due.order_by(WorkRow.queued_at, WorkRow.id).limit(1).with_for_update(skip_locked=True, of=WorkRow)
        ).first()
        if row is not None and _locked_alone(session, row, now):
            return row
    return None


def _locked_alone(session: Session, row: WorkRow, now: float) -> bool:
    """Lock the document, and look again whether another worker took other work on it meanwhile."""
    own = (
        select(DocumentRow.id)
        .where(DocumentRow.id == row.document_id)
        .with_for_update(skip_locked=True, key_share=True)
    )
    if session.scalar(own) is None:
        return False
    busy: ColumnElement[bool] = is_held(now)
    return session.scalar(select(WorkRow.id).where(WorkRow.document_id == row.document_id, busy).limit(1)) is None


def _claimed(session: Session, row: WorkRow, owner: str, until: float) -> Claim | None:
    """Give the work to `owner`; drop it if what it is about is gone."""
    document = session.get_one(DocumentRow, row.document_id)
    is_deleted = document.deleted_at is not None
    version = session.get(VersionRow, (row.document_id, row.version))
    if row.kind != Kind.CLEAN and (is_deleted or version is None):
        session.delete(row)
        return None
    _take_from_the_silent(session, row)
    row.owner, row.lease_until, row.attempts, row.not_before = owner, until, row.attempts + 1, 0.0
    if row.kind == Kind.INGEST and version is not None:
        version.status, version.attempts = Status.PROCESSING, row.attempts
        version.stage, version.done, version.total, version.unit = "parse", 0, 1, "documents"
    session.flush()
    record = document_record(session, document)
    work = Work(
        id=row.id,
        kind=Kind(row.kind),
        document_id=row.document_id,
        version=row.version,
        generation=row.generation,
        owner=owner,
        attempts=row.attempts,
    )
    own = next((one for one in record.versions if one.version == row.version), None)
    return Claim(work=work, document=record, version=own, is_deleted=is_deleted)


def _take_from_the_silent(session: Session, row: WorkRow) -> None:
    """End the claims on the document's other work, all run out: no late holder may change what is worked on now."""
    other = (WorkRow.document_id == row.document_id, WorkRow.id != row.id, WorkRow.owner.is_not(None))
    values = {"owner": None, "lease_until": 0.0, "strikes": WorkRow.strikes + 1}
    session.execute(update(WorkRow).where(*other).values(**values))


def _end_as_failed(session: Session, row: WorkRow, failure: Failure | None) -> None:
    """End a version for this reason, or for the one that its last try ended with."""
    if row.kind == Kind.INGEST:
        named = (VersionRow.document_id == row.document_id, VersionRow.version == row.version)
        error = _error(failure) if failure else {}
        session.execute(update(VersionRow).where(*named).values(status=Status.FAILED, stage=None, **error))
    session.delete(row)


def _holds(session: Session, work: Work) -> bool:
    return session.scalar(select(WorkRow.id).where(*held_by(work))) is not None


def _update(session: Session, work: Work, **values: Any) -> bool:
    changed = update(WorkRow).where(*held_by(work)).values(**values).returning(WorkRow.id)
    return session.execute(changed).first() is not None


def _update_version(session: Session, work: Work, **values: Any) -> None:
    """Change the version that is being ingested; other work leaves it as it is."""
    if work.kind == Kind.INGEST:
        named = (VersionRow.document_id == work.document_id, VersionRow.version == work.version)
        session.execute(update(VersionRow).where(*named).values(**values))


def _error(failure: Failure) -> dict[str, str]:
    return {"error_type": failure.type, "error_title": failure.title, "error_detail": failure.detail}
