"""The truth about documents, versions and passages, from which the index can be rebuilt. `rag.leases` has the work."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from rag.audit import record
from rag.changes import describe, lock_for_move, move
from rag.database import clock, transaction
from rag.epochs import changed
from rag.errors import DocumentNotFound, InvalidRequest, collection_not_found
from rag.generations import lock_generations
from rag.highlights import Highlight, highlights
from rag.listing import Wanted, count, read_page
from rag.records import chunk_record, document_record
from rag.tables import ChunkRow, CollectionRow, DocumentRow, IdempotencyRow, SourceIdRow, VersionRow
from rag.types import Chunk, Document, Principal, Status, Text
from rag.uploads import Upload, add_version, latest_version, queue_again, record_upload, require_replaceable
from rag.work import Kind, add_work, drop_waiting, locked_one, waits_for


class Registry:
    """Every read and write of documents. One short transaction a call; safe from many processes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add(self, upload: Upload, principal: Principal) -> tuple[Document, bool]:
        """Record an upload; return its document and whether it is new work.

        The same bytes in a collection are no work, unless they failed: then they are tried again. The same
        source_id with other bytes is a new version of its document; new access rights and metadata count at
        once. Raise Forbidden if the source_id is that of a document which the principal may not see.
        """
        with transaction(self.engine, writes=True) as session:
            row, is_new = record_upload(session, upload, principal)
            return document_record(session, row), is_new

    def require_replaceable(self, collection: str, source_id: str | None, principal: Principal) -> None:
        """Raise Forbidden if the source_id is that of a document which the principal may not see."""
        with transaction(self.engine, writes=False) as session:
            require_replaceable(session, collection, source_id, principal)

    def uploaded_with(self, principal: Principal, idempotency_key: str) -> Document | None:
        """Return the document that this caller already uploaded with this Idempotency-Key, and may see now."""
        with transaction(self.engine, writes=False) as session:
            row = session.get(IdempotencyRow, (principal.name, idempotency_key))
            found = session.get(DocumentRow, row.document_id) if row else None
            is_shown = found and found.deleted_at is None and principal.may_see(found.access, found.collection)
            return document_record(session, found) if found and is_shown else None

    def document(self, document_id: str, principal: Principal) -> Document:
        """Raise DocumentNotFound for a deleted one, too, and for one that the principal may not see."""
        with transaction(self.engine, writes=False) as session:
            row = session.get(DocumentRow, document_id)
            if row is None or row.deleted_at is not None or not principal.may_see(row.access, row.collection):
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
        """Return up to `limit` documents, newest first, and the cursor of the next page; see `rag.listing`."""
        wanted = Wanted(collection=collection, status=status, q=q, source_prefix=source_prefix)
        with transaction(self.engine, writes=False) as session:
            return read_page(session, principal, wanted, cursor, limit)

    def counts(self, principal: Principal, *, collection: str | None = None, q: str | None = None) -> dict[Status, int]:
        """Return how many documents there are of each state, as `documents` would list them."""
        with transaction(self.engine, writes=False) as session:
            return count(session, principal, Wanted(collection=collection, q=q))

    def change(
        self,
        document_id: str,
        principal: Principal,
        *,
        metadata: dict[str, Any] | None = None,
        access: Sequence[str] | None = None,
        collection: str | None = None,
    ) -> Document:
        """Change what is given; all of it or nothing. Raise MoveRefused where it cannot be moved to `collection`.

        Raise CollectionNotFound unless `collection` is one of the principal's.
        """
        if collection and not principal.reaches(collection):
            raise collection_not_found(collection)
        with transaction(self.engine, writes=True) as session:
            if collection:
                if not principal.reaches(collection):
                    raise collection_not_found(collection)
                known = session.scalar(select(DocumentRow.collection).where(DocumentRow.id == document_id))
                lock_for_move(session, known or collection, collection)
                lock_generations(session, to_change=False)
            row = _visible(session, document_id, principal)
            before = row.collection
            is_other = describe(session, row, principal, metadata=metadata, access=access)
            is_other |= collection is not None and move(session, row, collection, principal)
            session.flush()
            if is_other:
                changed(session, before, row.collection)
            return document_record(session, row)

    def delete(self, document_id: str, principal: Principal) -> None:
        """Hide a document from everything at once; its data are purged later."""
        with transaction(self.engine, writes=True) as session:
            _delete(session, _visible(session, document_id, principal), principal)

    def release(self, document_id: str, source_id: str, principal: Principal) -> None:
        """Take a name from a document, whose source no longer has it; with its last name the document is deleted."""
        with transaction(self.engine, writes=True) as session:
            row = _visible(session, document_id, principal)
            own = SourceIdRow.document_id == document_id
            session.execute(delete(SourceIdRow).where(own, SourceIdRow.source_id == source_id))
            if session.scalar(select(SourceIdRow.source_id).where(own).limit(1)) is None:
                _delete(session, row, principal)

    def reprocess(self, document_id: str, principal: Principal) -> Document:
        """Queue the latest version again, whatever became of it. The serving version keeps serving."""
        with transaction(self.engine, writes=True) as session:
            row = _visible(session, document_id, principal)
            latest = latest_version(session, document_id)
            if latest is not None and latest.status in {Status.READY, Status.FAILED}:
                queue_again(session, row, latest)
                record(session, principal.name, "document.reprocessed", document_id, version=latest.version)
            return document_record(session, row)

    def restore(self, document_id: str, version: int, principal: Principal) -> Document:
        """Make an earlier version's original the newest version, to be served like any other once it is ready.

        Raise DocumentNotFound if there is no such version, InvalidRequest if it is the newest one already.
        """
        with transaction(self.engine, writes=True) as session:
            row = _visible(session, document_id, principal)
            old = session.get(VersionRow, (document_id, version))
            if old is None:
                raise DocumentNotFound(f"Document {document_id} has no version {version}.")
            latest = latest_version(session, document_id)
            if latest is not None and latest.sha256 == old.sha256:
                raise InvalidRequest(f"Version {latest.version}, the newest, has the same content; reprocess it.")
            upload = Upload(
                collection=row.collection,
                filename=old.filename,
                sha256=old.sha256,
                size_bytes=old.size_bytes,
                media_type=old.media_type,
            )
            add_version(session, row, upload, principal, restored_from=version)
            session.flush()
            return document_record(session, row)

    def waiting(self, document: Document) -> str | None:
        """Return what a document's latest version waits for, for people; None if it does not wait."""
        if document.latest.status not in {Status.QUEUED, Status.PROCESSING}:
            return None
        with transaction(self.engine, writes=False) as session:
            return waits_for(session, document.id, document.latest.version, document.latest.failure)

    def chunks(self, document_id: str, principal: Principal) -> list[Chunk]:
        """Return the serving version's chunks in reading order."""
        document = self.document(document_id, principal)
        query = (
            select(ChunkRow)
            .where(ChunkRow.document_id == document_id, ChunkRow.version == document.serving)
            .order_by(ChunkRow.ordinal)
        )
        with transaction(self.engine, writes=False) as session:
            return [chunk_record(row) for row in session.scalars(query)]

    def text(self, document_id: str, principal: Principal, version: int | None, start: int, length: int) -> Text:
        """Return characters [start, start + length) of a version's text; of the one that serves if none is named.

        Raise DocumentNotFound if there is no such version, or nothing was read of it yet.
        """
        document = self.document(document_id, principal)
        chosen = document.shown_version(version, principal)
        part = select(func.substr(VersionRow.text, start + 1, length), func.length(VersionRow.text))
        own = part.where(VersionRow.document_id == document_id, VersionRow.version == chosen.version)
        with transaction(self.engine, writes=False) as session:
            found, total = session.execute(own).one()
        if found is None:
            raise DocumentNotFound(f"Nothing was read of version {chosen.version} of {document_id} yet.")
        return Text(document=document, version=chosen, text=found, start=start, total_chars=total)

    def highlights(self, document_id: str, start: int, end: int, principal: Principal) -> list[Highlight]:
        """Return where characters [start, end) of the serving version's text stand on its pages."""
        document = self.document(document_id, principal)
        with transaction(self.engine, writes=False) as session:
            return highlights(session, document_id, document.serving or 0, start, end)

    def collections(self, principal: Principal) -> list[str]:
        """Return the names of the caller's collections, also of those without a document that it may see."""
        with transaction(self.engine, writes=False) as session:
            return [name for name in session.scalars(select(CollectionRow.name)) if principal.reaches(name)]

    def require_collections(self, names: Sequence[str], principal: Principal) -> None:
        """Raise CollectionNotFound for the first name that is not a collection, or not one of the caller's."""
        with transaction(self.engine, writes=False) as session:
            known = set(session.scalars(select(CollectionRow.name).where(CollectionRow.name.in_(names))))
        for name in names:
            if name not in known or not principal.reaches(name):
                raise collection_not_found(name)

    def hidden(self, document_ids: Sequence[str], principal: Principal) -> set[str]:
        """Return those of the documents that are deleted, or not for this principal (any more)."""
        with transaction(self.engine, writes=False) as session:
            query = select(DocumentRow.id, DocumentRow.access, DocumentRow.collection).where(
                DocumentRow.id.in_(document_ids), DocumentRow.deleted_at.is_(None)
            )
            rows = session.execute(query).all()
            shown = {row.id for row in rows if principal.may_see(row.access, row.collection)}
        return set(document_ids) - shown

    def ping(self) -> None:
        """Raise RegistryUnavailable if the database does not answer."""
        with transaction(self.engine, writes=False) as session:
            session.execute(select(1))


def _delete(session: Session, row: DocumentRow, principal: Principal) -> None:
    row.deleted_at = clock(session)
    session.execute(delete(SourceIdRow).where(SourceIdRow.document_id == row.id))
    drop_waiting(session, row.id)
    add_work(session, Kind.CLEAN, row.id)
    record(session, principal.name, "document.deleted", row.id, collection=row.collection)
    changed(session, row.collection)


def _visible(session: Session, document_id: str, principal: Principal) -> DocumentRow:
    """Return the document's row, locked. Raise DocumentNotFound if it is deleted or not for the principal."""
    row = locked_one(session, document_id)
    if row is None or row.deleted_at is not None or not principal.may_see(row.access, row.collection):
        raise DocumentNotFound(f"No document has the id {document_id}.")
    return row
