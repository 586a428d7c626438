"""The documents that somebody may see, a page at a time, and how many there are of each state."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from rag.errors import InvalidRequest
from rag.filters import rights
from rag.records import document_records
from rag.tables import DocumentRow, SourceIdRow, VersionRow
from rag.types import Document, Principal, Status


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which documents. `q` is a part of a file name or title, in any case; `source_prefix` begins a source_id.

    `status` is that of the latest version.
    """

    collection: str | None = None
    status: Status | None = None
    q: str | None = None
    source_prefix: str | None = None


def read_page(
    session: Session, principal: Principal, wanted: Wanted, cursor: str | None, limit: int
) -> tuple[list[Document], str | None]:
    """Return up to `limit` documents, newest first, and the cursor of the next page; three queries.

    Raise InvalidRequest for a cursor that was not given out.
    """
    newest = (DocumentRow.created_at, DocumentRow.id)
    query = _latest(select(DocumentRow), session, principal, wanted)
    if cursor:
        query = query.where(tuple_(*newest) < tuple_(*_place(cursor)))
    found = session.scalars(query.order_by(*(column.desc() for column in newest)).limit(limit + 1)).all()
    page = document_records(session, found[:limit])
    more = len(found) > limit
    return page, f"{found[limit - 1].created_at!r}_{found[limit - 1].id}" if more else None


def count(session: Session, principal: Principal, wanted: Wanted) -> dict[Status, int]:
    """Return the number of documents by the status of their latest version."""
    query = _latest(select(VersionRow.status, func.count()), session, principal, wanted)
    return {Status(status): number for status, number in session.execute(query.group_by(VersionRow.status))}


def _latest(query: Select, session: Session, principal: Principal, wanted: Wanted) -> Select:  # type: ignore[type-arg]
    """Join the documents that are wanted with their latest versions."""
    other = aliased(VersionRow)
    latest = select(func.max(other.version)).where(other.document_id == DocumentRow.id).scalar_subquery()
    where: list[ColumnElement[bool]] = [VersionRow.version == latest, DocumentRow.deleted_at.is_(None)]
    where += rights(principal, session.get_bind().dialect.name)
    if wanted.collection:
        where.append(DocumentRow.collection == wanted.collection)
    if wanted.status:
        where.append(VersionRow.status == wanted.status)
    if wanted.q:
        part = {"other": wanted.q, "autoescape": True}
        where.append(or_(VersionRow.filename.icontains(**part), VersionRow.title.icontains(**part)))
    if wanted.source_prefix:
        named = SourceIdRow.source_id.startswith(wanted.source_prefix, autoescape=True)
        where.append(exists().where(SourceIdRow.document_id == DocumentRow.id, named))
    return query.select_from(DocumentRow).join(VersionRow, VersionRow.document_id == DocumentRow.id).where(*where)


def _place(cursor: str) -> tuple[float, str]:
    """Return the time and the id of a page's last document."""
    created_at, _, document_id = cursor.partition("_")
    try:
        return float(created_at), document_id
    except ValueError as exc:
        raise InvalidRequest("cursor: send the `next_cursor` of an earlier page, or none.") from exc
