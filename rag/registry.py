"""The truth about documents, versions and passages, from which the index can be rebuilt. `rag.leases` has the work."""

import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from rag.database import transaction
from rag.errors import CollectionNotFound, DocumentNotFound, Forbidden, InvalidRequest
from rag.tables import ChunkRow, CollectionRow, DocumentRow, IdempotencyRow, VersionRow
from rag.types import Chunk, Document, Failure, Hit, Principal, Status, Version

WAKE_S = 10.0  # new work is announced by its uploader; after this, by the sweeper
IDS_AT_ONCE = 10_000  # PostgreSQL takes 65,535 parameters in a query


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What an upload brings, its bytes already stored under `sha256`. `None` keeps what the document has."""

    collection: str
    filename: str
    sha256: str
    size_bytes: int
    media_type: str
    source_id: str | None = None
    metadata: dict[str, Any] | None = None
    access: Sequence[str] | None = None
    idempotency_key: str | None = None


class Registry:
    """Every read and write of documents. One short transaction a call; safe from many processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, upload: Upload, principal: Principal) -> tuple[Document, bool]:
        """Record an upload; return its document and whether it is new work.

        The same bytes in a collection are no work, unless they failed: then they are tried again. The same
        source_id with other bytes is a new version of its document; new access rights and metadata count at
        once. Raise Forbidden if the source_id is that of a document which the principal may not see.
        """
        with transaction(self._engine, writes=True) as session:
            _lock_collection(session, upload.collection)
            row = _find_existing(session, upload)
            if row is None:
                row = _new_document(session, upload)
            elif not _may_see(principal, row.access):
                raise Forbidden(f"source_id {upload.source_id}: its document is not for this key.")
            row.source_id = row.source_id or upload.source_id
            row.meta = row.meta if upload.metadata is None else upload.metadata
            row.access = row.access if upload.access is None else list(upload.access)
            latest = _latest_version(session, row.id)
            is_new = latest is None or latest.sha256 != upload.sha256
            if is_new:
                session.add(_new_version(upload, row.id, 1 if latest is None else latest.version + 1))
            elif latest is not None and latest.status == Status.FAILED:
                _queue_again(latest)
                is_new = True
            if upload.idempotency_key and is_new:
                session.merge(
                    IdempotencyRow(
                        caller=principal.name, key=upload.idempotency_key, document_id=row.id, created_at=time.time()
                    )
                )
            session.flush()
            return document_record(session, row), is_new

    def uploaded_with(self, caller: str, idempotency_key: str) -> Document | None:
        """Return the document that this caller already uploaded with this Idempotency-Key."""
        with transaction(self._engine, writes=False) as session:
            row = session.get(IdempotencyRow, (caller, idempotency_key))
            found = session.get(DocumentRow, row.document_id) if row else None
            return document_record(session, found) if found and found.deleted_at is None else None

    def document(self, document_id: str, principal: Principal) -> Document:
        """Raise DocumentNotFound for a deleted one, too, and for one that the principal may not see."""
        with transaction(self._engine, writes=False) as session:
            row = session.get(DocumentRow, document_id)
            if row is None or row.deleted_at is not None or not _may_see(principal, row.access):
                raise DocumentNotFound(f"No document has the id {document_id}.")
            return document_record(session, row)

    def documents(
        self,
        principal: Principal,
        *,
        collection: str | None = None,
        status: Status | None = None,
        q: str | None = None,
        source_prefix: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Document], str | None]:
        """Return up to `limit` documents, newest first, and the cursor of the next page.

        `q` is a part of a file name, in any case; `source_prefix` begins a source_id. `status` is that of the
        latest version. Raise InvalidRequest for a cursor that was not given out.
        """
        other = aliased(VersionRow)
        newest = select(func.max(other.version)).where(other.document_id == DocumentRow.id).scalar_subquery()
        query = (
            select(DocumentRow)
            .join(VersionRow, VersionRow.document_id == DocumentRow.id)
            .where(VersionRow.version == newest, DocumentRow.deleted_at.is_(None))
            .order_by(DocumentRow.created_at.desc(), DocumentRow.id.desc())
        )
        if collection:
            query = query.where(DocumentRow.collection == collection)
        if status:
            query = query.where(VersionRow.status == status)
        if q:
            query = query.where(VersionRow.filename.icontains(q, autoescape=True))
        if source_prefix:
            query = query.where(DocumentRow.source_id.startswith(source_prefix, autoescape=True))
        if cursor:
            created_at, document_id = _place(cursor)
            query = query.where(
                or_(
                    DocumentRow.created_at < created_at,
                    (DocumentRow.created_at == created_at) & (DocumentRow.id < document_id),
                )
            )
        found: list[DocumentRow] = []
        with transaction(self._engine, writes=False) as session:
            with session.scalars(query.execution_options(yield_per=200)) as rows:
                for row in rows:
                    if _may_see(principal, row.access):
                        found.append(row)
                    if len(found) > limit:
                        break
            page = [document_record(session, row) for row in found[:limit]]
        more = len(found) > limit
        return page, f"{found[limit - 1].created_at!r}_{found[limit - 1].id}" if more else None

    def delete(self, document_id: str, principal: Principal) -> None:
        """Hide a document from everything at once; its data are purged later."""
        self.document(document_id, principal)
        with transaction(self._engine, writes=True) as session:
            row = session.get_one(DocumentRow, document_id)
            row.deleted_at = row.deleted_at or time.time()

    def reprocess(self, document_id: str, principal: Principal) -> Document:
        """Queue the latest version again, whatever became of it. The serving version keeps serving."""
        self.document(document_id, principal)
        with transaction(self._engine, writes=True) as session:
            latest = _latest_version(session, document_id)
            if latest is not None and (latest.lease_owner is None or latest.lease_until < time.time()):
                _queue_again(latest)
            return document_record(session, session.get_one(DocumentRow, document_id))

    def chunks(self, document_id: str, principal: Principal) -> list[Chunk]:
        """Return the serving version's chunks in reading order."""
        document = self.document(document_id, principal)
        query = (
            select(ChunkRow)
            .where(ChunkRow.document_id == document_id, ChunkRow.version == document.serving)
            .order_by(ChunkRow.ordinal)
        )
        with transaction(self._engine, writes=False) as session:
            return [chunk_record(row) for row in session.scalars(query)]

    def require_collections(self, names: Sequence[str]) -> None:
        """Raise CollectionNotFound for the first name that is not a collection."""
        with transaction(self._engine, writes=False) as session:
            known = set(session.scalars(select(CollectionRow.name).where(CollectionRow.name.in_(names))))
        for name in names:
            if name not in known:
                raise CollectionNotFound(f"No collection is called {name!r}.")

    def live_hits(self, scores: dict[str, float], principal: Principal) -> list[Hit]:
        """Return the chunks of `scores` (id -> score) that may be shown now, best first.

        Left out: what is deleted, replaced, not yet ready, or not for this principal.
        """
        query = (
            select(ChunkRow, VersionRow.title, VersionRow.filename, DocumentRow.access)
            .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
            .join(
                VersionRow,
                (VersionRow.document_id == ChunkRow.document_id) & (VersionRow.version == ChunkRow.version),
            )
            .where(DocumentRow.deleted_at.is_(None), DocumentRow.serving == ChunkRow.version)
        )
        ids = list(scores)
        with transaction(self._engine, writes=False) as session:
            hits = [
                _hit(row, title or filename, scores[row.id])
                for first in range(0, len(ids), IDS_AT_ONCE)
                for row, title, filename, access in session.execute(
                    query.where(ChunkRow.id.in_(ids[first : first + IDS_AT_ONCE]))
                )
                if _may_see(principal, access)
            ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))

    def ping(self) -> None:
        """Raise RegistryUnavailable if the database does not answer."""
        with transaction(self._engine, writes=False) as session:
            session.execute(select(1))


def _place(cursor: str) -> tuple[float, str]:
    """Return the time and the id of a page's last document."""
    created_at, _, document_id = cursor.partition("_")
    try:
        return float(created_at), document_id
    except ValueError as exc:
        raise InvalidRequest("cursor: send the `next_cursor` of an earlier page, or none.") from exc


def _may_see(principal: Principal, access: Sequence[str]) -> bool:
    return principal.may_see(access)


def _lock_collection(session: Session, name: str) -> None:
    """Make the collection if need be and lock its row: uploads to one collection are recorded one by one."""
    if session.get(CollectionRow, name, with_for_update=True) is None:
        with suppress(IntegrityError), session.begin_nested():  # another upload may make it just now
            session.add(CollectionRow(name=name, created_at=time.time()))
        session.get(CollectionRow, name, with_for_update=True)


def _find_existing(session: Session, upload: Upload) -> DocumentRow | None:
    """Return the live document with the upload's source_id, else one whose latest version has its bytes.

    Bytes under another source_id are another document's: what becomes of one does not touch the other.
    """
    live = select(DocumentRow).where(DocumentRow.collection == upload.collection, DocumentRow.deleted_at.is_(None))
    if upload.source_id is not None:
        by_source = session.scalars(live.where(DocumentRow.source_id == upload.source_id)).first()
        if by_source is not None:
            return by_source
    with_bytes = select(VersionRow.document_id).where(VersionRow.sha256 == upload.sha256)
    for row in session.scalars(live.where(DocumentRow.id.in_(with_bytes))):
        latest = _latest_version(session, row.id)
        is_same = latest is not None and latest.sha256 == upload.sha256 and row.access == list(upload.access or ())
        if is_same and (upload.source_id is None or row.source_id is None):
            return row
    return None


def _latest_version(session: Session, document_id: str) -> VersionRow | None:
    query = select(VersionRow).where(VersionRow.document_id == document_id).order_by(VersionRow.version.desc())
    return session.scalars(query.limit(1)).first()


def _new_document(session: Session, upload: Upload) -> DocumentRow:
    row = DocumentRow(
        id=f"doc_{secrets.token_hex(8)}",
        collection=upload.collection,
        source_id=upload.source_id,
        meta=upload.metadata or {},
        access=list(upload.access or ()),
        created_at=time.time(),
    )
    session.add(row)
    session.flush()
    return row


def _new_version(upload: Upload, document_id: str, number: int) -> VersionRow:
    return VersionRow(
        document_id=document_id,
        version=number,
        filename=upload.filename,
        sha256=upload.sha256,
        size_bytes=upload.size_bytes,
        media_type=upload.media_type,
        status=Status.QUEUED,
        lease_until=time.time() + WAKE_S,
        created_at=time.time(),
    )


def _queue_again(row: VersionRow) -> None:
    row.status, row.attempts, row.not_before, row.stage = Status.QUEUED, 0, 0.0, None
    row.lease_owner, row.lease_until = None, time.time() + WAKE_S
    row.error_type = row.error_title = row.error_detail = None


def document_record(session: Session, row: DocumentRow) -> Document:
    """Return a document's row and its versions' as records."""
    versions = session.scalars(select(VersionRow).where(VersionRow.document_id == row.id).order_by(VersionRow.version))
    return Document(
        id=row.id,
        collection=row.collection,
        source_id=row.source_id,
        serving=row.serving,
        metadata=row.meta,
        access=tuple(row.access),
        versions=tuple(_version(version) for version in versions),
    )


def _version(row: VersionRow) -> Version:
    failure = None
    if row.error_type:
        failure = Failure(type=row.error_type, title=row.error_title or "", detail=row.error_detail or "")
    return Version(
        document_id=row.document_id,
        version=row.version,
        filename=row.filename,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        status=Status(row.status),
        stage=row.stage,
        done=row.done,
        total=row.total,
        unit=row.unit,
        failure=failure,
        pages=row.pages,
        chunks=row.chunks,
        attempts=row.attempts,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
    )


def chunk_record(row: ChunkRow) -> Chunk:
    """Return a chunk's row as a record."""
    return Chunk(
        ordinal=row.ordinal,
        text=row.text,
        context=row.context,
        page=row.page,
        section=row.section,
        start=row.start,
        end=row.end,
    )


def _hit(row: ChunkRow, title: str, score: float) -> Hit:
    return Hit(
        chunk_id=row.id,
        document_id=row.document_id,
        version=row.version,
        title=title,
        text=row.text,
        context=row.context,
        page=row.page,
        section=row.section,
        start=row.start,
        end=row.end,
        score=score,
    )
