"""What an upload means: a new document, a new version of one, or nothing new."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from rag.audit import record
from rag.database import insert_if_new, lock_name
from rag.epochs import changed
from rag.errors import Forbidden, collection_not_found
from rag.tables import CollectionRow, DocumentRow, IdempotencyRow, SourceIdRow, VersionRow
from rag.types import Principal, Status
from rag.work import Kind, add_work, locked


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


def record_upload(session: Session, upload: Upload, principal: Principal) -> tuple[DocumentRow, bool]:
    """Return the document that the upload belongs to, and whether there is work to do; see `Registry.add`.

    Raise CollectionNotFound unless the collection is one of the principal's.
    """
    if not principal.reaches(upload.collection):
        raise collection_not_found(upload.collection)
    lock_name(session, upload.sha256)  # a purge of the same bytes ends first: then they are stored again
    lock_collection(session, upload.collection)
    _lock_documents(session, upload)
    row = _named(session, upload, principal)
    if row is not None and _is_others_too(session, row, upload):
        upload = _apart_from(session, row, upload)
        row = None
    row = row or _with_same_bytes(session, upload) or _new_document(session, upload)
    _name(session, row, upload)
    before = (row.meta, row.access)
    row.meta = row.meta if upload.metadata is None else upload.metadata
    row.access = row.access if upload.access is None else list(upload.access)
    latest = latest_version(session, row.id)
    is_new = latest is None or latest.sha256 != upload.sha256 or latest.status == Status.FAILED
    if latest is None or latest.sha256 != upload.sha256:
        add_version(session, row, upload, principal)
    elif is_new:
        queue_again(session, row, latest)
    if upload.idempotency_key and is_new:
        session.merge(
            IdempotencyRow(
                caller=principal.name, key=upload.idempotency_key, document_id=row.id, created_at=time.time()
            )
        )
    session.flush()
    if before != (row.meta, row.access):
        changed(session, upload.collection)
    return row, is_new


def lock_collection(session: Session, name: str) -> None:
    """Make the collection if need be and lock its name: uploads to one collection are recorded one by one.

    Its row is locked last of all, by what changes its epoch.
    """
    lock_name(session, f"collection {name}")
    if session.get(CollectionRow, name) is None:
        insert_if_new(session, CollectionRow, name=name, created_at=time.time(), epoch=0)


def _lock_documents(session: Session, upload: Upload) -> None:
    """Lock every document that the upload may come to belong to, in the order in which others lock several."""
    named = select(SourceIdRow.document_id).where(
        SourceIdRow.collection == upload.collection, SourceIdRow.source_id == upload.source_id
    )
    same_bytes = (
        select(DocumentRow.id)
        .join(VersionRow, VersionRow.document_id == DocumentRow.id)
        .where(DocumentRow.collection == upload.collection, VersionRow.sha256 == upload.sha256)
    )
    locked(session, set(session.scalars(named.union(same_bytes))))


def _named(session: Session, upload: Upload, principal: Principal) -> DocumentRow | None:
    """Return the document that has the upload's source_id. Raise Forbidden if the principal may not see it."""
    if upload.source_id is None:
        return None
    name = session.get(SourceIdRow, (upload.collection, upload.source_id))
    if name is None:
        return None
    row = session.get_one(DocumentRow, name.document_id)
    if row.deleted_at is not None:  # just now
        _unname(session, upload)
        return None
    require_replaceable(session, upload.collection, upload.source_id, principal)
    return row


def require_replaceable(session: Session, collection: str, source_id: str | None, principal: Principal) -> None:
    """Raise Forbidden if the source_id is that of a document which the principal may not see.

    Raise CollectionNotFound unless the collection is one of the principal's.
    """
    if not principal.reaches(collection):
        raise collection_not_found(collection)
    named = (SourceIdRow.collection == collection, SourceIdRow.source_id == source_id)
    access = session.scalar(
        select(DocumentRow.access)
        .join(SourceIdRow, SourceIdRow.document_id == DocumentRow.id)
        .where(*named, DocumentRow.deleted_at.is_(None))
    )
    if access is not None and not principal.may_see(access, collection):
        raise Forbidden(f"source_id {source_id}: its document is not for this key.")


def _is_others_too(session: Session, row: DocumentRow, upload: Upload) -> bool:
    """Tell whether the upload would change what other names mean: its bytes, or who may see them."""
    latest = latest_version(session, row.id)
    is_changed = latest is not None and latest.sha256 != upload.sha256
    is_changed |= upload.access is not None and row.access != list(upload.access)
    return is_changed and (session.scalar(select(func.count()).where(SourceIdRow.document_id == row.id)) or 0) > 1


def _apart_from(session: Session, row: DocumentRow, upload: Upload) -> Upload:
    """Take the upload's name from a document that goes on for others; return the upload with what it keeps of it."""
    _unname(session, upload)
    return replace(
        upload,
        metadata=row.meta if upload.metadata is None else upload.metadata,
        access=row.access if upload.access is None else upload.access,
    )


def _unname(session: Session, upload: Upload) -> None:
    named = (SourceIdRow.collection == upload.collection, SourceIdRow.source_id == upload.source_id)
    session.execute(delete(SourceIdRow).where(*named))


def _with_same_bytes(session: Session, upload: Upload) -> DocumentRow | None:
    """Return a live document of the collection whose latest version has the upload's bytes, for the same groups."""
    live = (
        select(DocumentRow)
        .join(VersionRow, VersionRow.document_id == DocumentRow.id)
        .where(DocumentRow.collection == upload.collection, DocumentRow.deleted_at.is_(None))
        .where(VersionRow.sha256 == upload.sha256)
        .order_by(DocumentRow.id)
    )
    for row in session.scalars(live).unique():
        latest = latest_version(session, row.id)
        is_same = latest is not None and latest.sha256 == upload.sha256 and row.access == list(upload.access or ())
        if is_same and (upload.source_id is None or upload.metadata in (None, row.meta)):
            return row
    return None


def _name(session: Session, row: DocumentRow, upload: Upload) -> None:
    if upload.source_id is not None and session.get(SourceIdRow, (upload.collection, upload.source_id)) is None:
        session.add(
            SourceIdRow(
                collection=upload.collection,
                source_id=upload.source_id,
                document_id=row.id,
                created_at=time.time(),
            )
        )
        session.flush()


def latest_version(session: Session, document_id: str) -> VersionRow | None:
    query = select(VersionRow).where(VersionRow.document_id == document_id).order_by(VersionRow.version.desc())
    return session.scalars(query.limit(1)).first()


def _new_document(session: Session, upload: Upload) -> DocumentRow:
    row = DocumentRow(
        id=f"doc_{secrets.token_hex(8)}",
        collection=upload.collection,
        meta=upload.metadata or {},
        access=list(upload.access or ()),
        created_at=time.time(),
    )
    session.add(row)
    session.flush()
    return row


def add_version(
    session: Session, row: DocumentRow, upload: Upload, principal: Principal, *, restored_from: int | None = None
) -> None:
    latest = latest_version(session, row.id)
    number = 1 if latest is None else latest.version + 1
    version = VersionRow(
        document_id=row.id,
        version=number,
        filename=upload.filename,
        sha256=upload.sha256,
        size_bytes=upload.size_bytes,
        media_type=upload.media_type,
        status=Status.QUEUED,
        warnings=[],
        page_sizes=[],
        created_at=time.time(),
    )
    session.add(version)
    session.flush()
    queue(session, row, version)
    detail = {"version": number, "sha256": upload.sha256}
    if restored_from is not None:
        detail["restored_from"] = restored_from
    record(session, principal.name, "document.uploaded" if number == 1 else "document.replaced", row.id, **detail)


def queue(session: Session, row: DocumentRow, version: VersionRow) -> None:
    add_work(
        session,
        Kind.INGEST,
        row.id,
        version=version.version,
        lane=row.collection,
        size_bytes=version.size_bytes,
    )


def queue_again(session: Session, row: DocumentRow, version: VersionRow) -> None:
    version.status, version.stage, version.attempts = Status.QUEUED, None, 0
    version.error_type = version.error_title = version.error_detail = None
    queue(session, row, version)
