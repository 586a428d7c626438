"""Collections of documents: what they hold, and which are internal, so that no external engine reads from them."""

from collections.abc import Collection as AnyOf
from dataclasses import dataclass

from sqlalchemy import Engine, and_, func, select

from rag.audit import record
from rag.database import clock, insert_if_new, transaction
from rag.draft import Draft
from rag.epochs import changed
from rag.filters import rights
from rag.tables import CollectionRow, DocumentRow, VersionRow
from rag.types import Principal
from rag.work import in_parts


@dataclass(frozen=True, kw_only=True)
class CollectionInfo:
    """A collection, with the documents and passages of it that the asker may see."""

    name: str
    internal: bool
    documents: int
    chunks: int


class Collections:
    """The collections in the registry."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, principal: Principal) -> list[CollectionInfo]:
        """Return, by name, those with documents that the principal may see; for an administrator every one."""
        seen = [DocumentRow.collection == CollectionRow.name, DocumentRow.deleted_at.is_(None)]
        seen += rights(principal, self._engine.dialect.name)
        served = and_(VersionRow.document_id == DocumentRow.id, VersionRow.version == DocumentRow.serving)
        query = (
            select(
                CollectionRow.name,
                CollectionRow.internal,
                func.count(DocumentRow.id).label("documents"),
                func.coalesce(func.sum(VersionRow.chunks), 0).label("chunks"),
            )
            .select_from(CollectionRow)
            .join(DocumentRow, and_(*seen), isouter=principal.is_admin)
            .join(VersionRow, served, isouter=True)
            .group_by(CollectionRow.name, CollectionRow.internal)
            .order_by(CollectionRow.name)
        )
        if principal.collections is not None:
            query = query.where(CollectionRow.name.in_(principal.collections))
        with transaction(self._engine, writes=False) as session:
            return [
                CollectionInfo(name=row.name, internal=row.internal, documents=row.documents, chunks=row.chunks)
                for row in session.execute(query)
            ]

    def put(self, name: str, principal: Principal, *, internal: bool) -> bool:
        """Make a collection, or change it; return whether it is new. Counts for every answer that is not begun yet."""
        with transaction(self._engine, writes=True) as session:
            is_new = session.get(CollectionRow, name) is None
            insert_if_new(session, CollectionRow, name=name, created_at=clock(session), internal=internal)
            row = session.get_one(CollectionRow, name, with_for_update=True)
            if is_new or row.internal != internal:
                row.internal = internal
                action = "collection.created" if is_new else "collection.changed"
                record(session, principal.name, action, "", collection=name, internal=internal)
                changed(session, name)
            return is_new

    def of(self, document_ids: AnyOf[str]) -> dict[str, bool]:
        """Return the collections of documents, deleted ones, too, each with whether it is internal."""
        query = select(CollectionRow.name, CollectionRow.internal).join(
            DocumentRow, DocumentRow.collection == CollectionRow.name
        )
        found: dict[str, bool] = {}
        with transaction(self._engine, writes=False) as session:
            for some in in_parts(document_ids):
                rows = session.execute(query.where(DocumentRow.id.in_(some)).distinct())
                found |= {row.name: row.internal for row in rows}
        return found

    def holds_internal(self, draft: Draft) -> bool:
        """Tell whether what a draft sends may be text of an internal collection.

        So it is if one of the documents that it may rest on is from there. What a client says was said earlier may
        quote any document, also one that is deleted by now: it counts as internal as soon as any collection is.
        """
        if any(self.of({hit.document_id for hit in draft.hits} | {*draft.documents}).values()):
            return True
        if not draft.question.history:
            return False
        with transaction(self._engine, writes=False) as session:
            return session.scalar(select(CollectionRow.name).where(CollectionRow.internal).limit(1)) is not None
