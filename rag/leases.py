"""The work on documents: who holds a version's lease, how far it is, how it ended."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, exists, or_, select, update

from rag.database import transaction
from rag.registry import document_record
from rag.tables import ChunkRow, CollectionRow, DocumentRow, IdempotencyRow, VersionRow
from rag.types import Chunk, Document, Failure, Status, Version


@dataclass(frozen=True, kw_only=True)
class Work:
    """A version to ingest, or (version 0) a deleted document to purge."""

    document_id: str
    version: int


class Leases:
    """Every change of a version's state. One short transaction a call; safe from many processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_due(self, hold_s: float, limit: int = 100) -> list[Work]:
        """Return work that nobody holds, oldest first, deleted documents before all; hold it for `hold_s`.

        So that the same work is not announced again while a message about it is on its way.
        """
        now = time.time()
        with transaction(self._engine, writes=True) as session:
            deleted = session.scalars(
                select(DocumentRow.id)
                .where(DocumentRow.deleted_at.is_not(None), _has_versions(), ~_has_versions(_held(now)))
                .limit(limit)
            ).all()
            session.execute(
                update(VersionRow).where(VersionRow.document_id.in_(deleted)).values(not_before=now + hold_s)
            )
            purges = [Work(document_id=document_id, version=0) for document_id in deleted]
            waiting = session.scalars(
                select(VersionRow)
                .join(DocumentRow, DocumentRow.id == VersionRow.document_id)
                .where(
                    DocumentRow.deleted_at.is_(None),
                    VersionRow.status.in_([Status.QUEUED, Status.PROCESSING]),
                    VersionRow.lease_until < now,
                    VersionRow.not_before <= now,
                )
                .order_by(VersionRow.created_at)
                .limit(limit)
                .with_for_update(skip_locked=True, of=VersionRow)
            ).all()
            for row in waiting:
                row.lease_owner, row.lease_until = None, now + hold_s
            return purges + [Work(document_id=row.document_id, version=row.version) for row in waiting]

    def claim(self, work: Work, owner: str, lease_s: float) -> tuple[Document, Version] | None:
        """Take a version's lease; return None if it is done, deleted, or another's."""
        now = time.time()
        with transaction(self._engine, writes=True) as session:
            taken = session.execute(
                update(VersionRow)
                .where(
                    VersionRow.document_id == work.document_id,
                    VersionRow.version == work.version,
                    VersionRow.status.in_([Status.QUEUED, Status.PROCESSING]),
                    or_(VersionRow.lease_until < now, VersionRow.lease_owner.is_(None)),
                    _is_live(),
                )
                .values(
                    status=Status.PROCESSING,
                    lease_owner=owner,
                    lease_until=now + lease_s,
                    attempts=VersionRow.attempts + 1,
                )
                .returning(VersionRow.version)
            ).first()
            if taken is None:
                return None
            document = document_record(session, session.get_one(DocumentRow, work.document_id))
            return document, next(v for v in document.versions if v.version == work.version)

    def renew(self, work: Work, owner: str, lease_s: float) -> bool:
        """Keep a lease alive, also on a deleted document: its purge waits. Return False once it is lost."""
        return self._update_leased(work, owner, lease_until=time.time() + lease_s)

    def report(self, work: Work, owner: str, *, stage: str, done: int, total: int, unit: str) -> None:
        """Show progress: `done` of `total` `unit`s of `stage`."""
        self._update_leased(work, owner, stage=stage, done=done, total=total, unit=unit)

    def finish(
        self, work: Work, owner: str, *, title: str, text: str, pages: int | None, chunks: Sequence[Chunk]
    ) -> bool:
        """Store a version's chunks and serve it instead of the one before, in one step.

        Return False, having changed nothing, if the lease is lost or the document deleted. Return False, too,
        if a newer version serves already: then this one is ready, but never shown.
        """
        with transaction(self._engine, writes=True) as session:
            own = select(DocumentRow.serving).where(DocumentRow.id == work.document_id)
            serving = session.scalar(own.with_for_update())
            held = session.execute(
                update(VersionRow)
                .where(*_leased_by(work, owner), _is_live())
                .values(
                    status=Status.READY,
                    stage=None,
                    title=title,
                    text=text,
                    pages=pages,
                    chunks=len(chunks),
                    lease_until=0.0,
                    error_type=None,
                    error_title=None,
                    error_detail=None,
                )
                .returning(VersionRow.version)
            ).first()
            if held is None or (serving or 0) > work.version:
                return False
            session.execute(delete(ChunkRow).where(ChunkRow.document_id == work.document_id))
            session.add_all(_chunk_row(work, chunk) for chunk in chunks)
            session.execute(update(DocumentRow).where(DocumentRow.id == work.document_id).values(serving=work.version))
            return True

    def fail(self, work: Work, owner: str, failure: Failure) -> None:
        """End a version for good; the one served before it goes on serving."""
        self._update_leased(
            work,
            owner,
            status=Status.FAILED,
            lease_until=0.0,
            error_type=failure.type,
            error_title=failure.title,
            error_detail=failure.detail,
        )

    def postpone(self, work: Work, owner: str, failure: Failure, delay_s: float) -> None:
        """Give a version back, to be tried again after `delay_s`."""
        self._update_leased(
            work,
            owner,
            status=Status.QUEUED,
            lease_until=0.0,
            not_before=time.time() + delay_s,
            error_type=failure.type,
            error_title=failure.title,
            error_detail=failure.detail,
        )

    def is_purgeable(self, document_id: str) -> bool:
        """Tell whether a document is deleted and nobody works on it."""
        with transaction(self._engine, writes=False) as session:
            row = session.get(DocumentRow, document_id)
            own = session.scalars(select(VersionRow).where(VersionRow.document_id == document_id)).all()
            is_held = any(version.lease_owner and version.lease_until >= time.time() for version in own)
            return row is not None and row.deleted_at is not None and not is_held

    def forget(self, document_id: str, remove_original: Callable[[str], None]) -> None:
        """Remove a deleted document's chunks and versions; the row stays as the proof of its deletion.

        `remove_original` is called with each hash that no other document has, while no upload can add one.
        """
        with transaction(self._engine, writes=True) as session:
            session.execute(select(CollectionRow).with_for_update())
            own = select(VersionRow.sha256).where(VersionRow.document_id == document_id)
            others = select(VersionRow.sha256).where(VersionRow.document_id != document_id)
            for sha256 in session.scalars(own.where(VersionRow.sha256.not_in(others)).distinct()):
                remove_original(sha256)
            session.execute(delete(ChunkRow).where(ChunkRow.document_id == document_id))
            session.execute(delete(VersionRow).where(VersionRow.document_id == document_id))
            session.execute(delete(IdempotencyRow).where(IdempotencyRow.document_id == document_id))
            session.execute(update(DocumentRow).where(DocumentRow.id == document_id).values(meta={}, access=[]))

    def requeue_all(self) -> int:
        """Queue every version that serves, to fill an index that was lost; return how many."""
        with transaction(self._engine, writes=True) as session:
            serving = select(DocumentRow.id).where(
                DocumentRow.id == VersionRow.document_id,
                DocumentRow.serving == VersionRow.version,
                DocumentRow.deleted_at.is_(None),
            )
            queued = session.execute(
                update(VersionRow)
                .where(VersionRow.status == Status.READY, serving.exists())
                .values(status=Status.QUEUED, attempts=0, not_before=0.0, lease_owner=None, lease_until=0.0)
                .returning(VersionRow.document_id)
            )
            return len(queued.all())

    def _update_leased(self, work: Work, owner: str, **values: Any) -> bool:
        with transaction(self._engine, writes=True) as session:
            row = session.execute(
                update(VersionRow).where(*_leased_by(work, owner)).values(**values).returning(VersionRow.version)
            ).first()
            return row is not None


def _leased_by(work: Work, owner: str) -> tuple[Any, ...]:
    return (
        VersionRow.document_id == work.document_id,
        VersionRow.version == work.version,
        VersionRow.status == Status.PROCESSING,
        VersionRow.lease_owner == owner,
    )


def _is_live() -> Any:
    return exists().where(DocumentRow.id == VersionRow.document_id, DocumentRow.deleted_at.is_(None))


def _has_versions(*such: Any) -> Any:
    return exists().where(VersionRow.document_id == DocumentRow.id, *such)


def _held(now: float) -> Any:
    return or_(VersionRow.lease_until >= now, VersionRow.not_before > now)


def _chunk_row(work: Work, chunk: Chunk) -> ChunkRow:
    return ChunkRow(
        id=chunk_id(work, chunk.ordinal),
        document_id=work.document_id,
        version=work.version,
        ordinal=chunk.ordinal,
        text=chunk.text,
        context=chunk.context,
        page=chunk.page,
        section=chunk.section,
        start=chunk.start,
        end=chunk.end,
    )


def chunk_id(work: Work, ordinal: int) -> str:
    """Return the chunk's id: the same whenever the same version is chunked again."""
    return f"{work.document_id}.{work.version}.{ordinal}"
