"""What may be changed of a document that is there: its metadata, who may see it, the collection that it is in."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from rag.audit import record
from rag.errors import Forbidden, MoveRefused
from rag.generations import index_again_everywhere
from rag.sources import SourceKind
from rag.tables import CollectionRow, DocumentRow, SourceIdRow, SourceItemRow, SourceRow, VersionRow
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
    Raise MoveRefused while it is worked on, where the other collection has its name or its bytes, and where a source
    keeps it; Forbidden unless an administrator brings it out of an internal collection.
    """
    if row.collection == target:
        return False
    latest = latest_version(session, row.id)
    if latest is None or latest.status not in {Status.READY, Status.FAILED}:
        raise MoveRefused(f"{_name(latest)} is still being read. Move it when it is ready.")
    _refuse_to_bring_out(session, row, target, principal)
    _refuse_to_leave_a_source(session, row)
    _refuse_a_second(session, row, target, principal)
    before, row.collection = row.collection, target
    session.execute(update(SourceIdRow).where(SourceIdRow.document_id == row.id).values(collection=target))
    if row.serving is not None:
        index_again_everywhere(session, row.id, row.serving)
        add_work(session, Kind.CLEAN, row.id)
    record(session, principal.name, "document.moved", row.id, before=before, collection=target)
    return True


def _refuse_to_bring_out(session: Session, row: DocumentRow, target: str, principal: Principal) -> None:
    """What an administrator marked as internal, only an administrator brings out."""
    internal = set(session.scalars(select(CollectionRow.name).where(CollectionRow.internal)))
    if row.collection in internal and target not in internal and not principal.is_admin:
        raise Forbidden(f"Collection {row.collection} is internal, {target} is not: it needs the scope admin.")


def _refuse_to_leave_a_source(session: Session, row: DocumentRow) -> None:
    """A source would bring the document again into its own collection as soon as it changes there."""
    holding = (
        select(SourceRow.id)
        .join(SourceItemRow, SourceItemRow.source_id == SourceRow.id)
        .where(SourceItemRow.document_id == row.id, SourceRow.kind != SourceKind.PUSH)
    )
    if (source := session.scalar(holding.order_by(SourceRow.id).limit(1))) is not None:
        raise MoveRefused(
            f"Source {source} keeps document {row.id} in {row.collection}. Register the source for the other "
            "collection, and remove this one."
        )


def _refuse_a_second(session: Session, row: DocumentRow, target: str, principal: Principal) -> None:
    latest = latest_version(session, row.id)
    own = select(SourceIdRow.source_id).where(SourceIdRow.document_id == row.id)
    named = (
        select(SourceIdRow.source_id, DocumentRow.id, DocumentRow.access, DocumentRow.collection)
        .join(DocumentRow, DocumentRow.id == SourceIdRow.document_id)
        .where(SourceIdRow.collection == target, SourceIdRow.source_id.in_(own))
    )
    if taken := session.execute(named.order_by(SourceIdRow.source_id).limit(1)).first():
        other = taken.id if principal.may_see(taken.access, taken.collection) else "a document that is not for this key"
        raise MoveRefused(f"In {target}, {taken.source_id} names {other} already. Delete one of the two.")
    newest = select(func.max(VersionRow.version)).where(VersionRow.document_id == DocumentRow.id)
    same = (
        select(DocumentRow.id, DocumentRow.access)
        .join(VersionRow, VersionRow.document_id == DocumentRow.id)
        .where(DocumentRow.collection == target, DocumentRow.deleted_at.is_(None))
        .where(VersionRow.sha256 == (latest.sha256 if latest else ""))
        .where(VersionRow.version == newest.correlate(DocumentRow).scalar_subquery())
    )
    for document_id, access in session.execute(same.order_by(DocumentRow.id)):
        if sorted(access) == sorted(row.access):
            raise MoveRefused(f"{_name(latest)} is in {target} already, as {document_id}. Delete one of the two.")


def _name(version: VersionRow | None) -> str:
    return version.filename if version else "The document"
