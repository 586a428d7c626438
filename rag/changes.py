"""What may be changed of a document that is there: its metadata, who may see it, the collection that it is in."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rag.audit import record
from rag.errors import MoveRefused
from rag.generations import index_again_everywhere
from rag.tables import DocumentRow, SourceIdRow, VersionRow
from rag.types import Principal, Status
from rag.uploads import latest_version, lock_collection
from rag.work import Kind, add_work


def describe(
    session: Session,
    row: DocumentRow,
    principal: Principal,
    *,
    metadata: dict[str, Any] | None = None,
    access: Sequence[str] | None = None,
) -> bool:
    """Give a document other metadata or access rights; return whether they are other ones.

    Then its collection's epoch is to change, at the transaction's end.
    """
    before = (row.meta, row.access)
    row.meta = row.meta if metadata is None else metadata
    row.access = row.access if access is None else list(access)
    is_other = before != (row.meta, row.access)
    if is_other:
        record(session, principal.name, "document.changed", row.id, access=row.access)
    return is_other


def lock_for_move(session: Session, collection: str, target: str) -> None:
    """Lock both names, before anything else is: uploads to either wait, so that nothing comes twice."""
    for name in sorted({collection, target}):
        lock_collection(session, name)


def move(session: Session, row: DocumentRow, target: str, principal: Principal) -> bool:
    """Put a document into another collection, in one step: a question finds it in the one or in the other.

    Return whether it was in another one; then the epochs of both are to change, at the transaction's end. Words find
    it there at once; vectors, of which each collection has its own index, as soon as a worker has filled them in.
    Raise MoveRefused while it is worked on, and where the other collection has its name or its bytes.
    """
    if row.collection == target:
        return False
    latest = latest_version(session, row.id)
    if latest is None or latest.status not in {Status.READY, Status.FAILED}:
        raise MoveRefused(f"{_name(latest)} is still being read. Move it when it is ready.")
    _refuse_a_second(session, row, latest, target)
    before, row.collection = row.collection, target
    session.execute(update(SourceIdRow).where(SourceIdRow.document_id == row.id).values(collection=target))
    if row.serving is not None:
        index_again_everywhere(session, row.id, row.serving)
        add_work(session, Kind.CLEAN, row.id)
    record(session, principal.name, "document.moved", row.id, before=before, collection=target)
    return True


def _refuse_a_second(session: Session, row: DocumentRow, latest: VersionRow, target: str) -> None:
    own = select(SourceIdRow.source_id).where(SourceIdRow.document_id == row.id)
    named = select(SourceIdRow).where(SourceIdRow.collection == target, SourceIdRow.source_id.in_(own))
    if taken := session.scalars(named.limit(1)).first():
        raise MoveRefused(f"In {target}, {taken.source_id} names {taken.document_id} already. Delete one of the two.")
    same = (
        select(DocumentRow.id, DocumentRow.access)
        .join(VersionRow, VersionRow.document_id == DocumentRow.id)
        .where(DocumentRow.collection == target, DocumentRow.deleted_at.is_(None), VersionRow.sha256 == latest.sha256)
    )
    for document_id, access in session.execute(same):
        if access == row.access:
            raise MoveRefused(f"{_name(latest)} is in {target} already, as {document_id}. Delete one of the two.")


def _name(version: VersionRow | None) -> str:
    return version.filename if version else "The document"
