"""Which documents a search may look at: the caller's rights and what the caller asks for, as conditions in SQL."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import JSON, ColumnElement, Text, cast, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from rag.tables import DocumentRow, VersionRow
from rag.types import ANY_DOCUMENT, Filters, Principal


def conditions(
    principal: Principal, collections: Sequence[str] | None, filters: Filters, *, dialect: str
) -> list[ColumnElement[bool]]:
    """Return what a served version must fulfil, for a query that joins DocumentRow and VersionRow."""
    found = [DocumentRow.deleted_at.is_(None), DocumentRow.serving == VersionRow.version]
    if collections is not None:
        found.append(DocumentRow.collection.in_(collections))
    if not principal.is_admin:
        found.append(may_see(principal, dialect))
    return found + _wanted(filters)


def narrows(principal: Principal, filters: Filters) -> bool:
    """Tell whether only some of a collection's documents may be what is looked for."""
    return not principal.is_admin or filters != ANY_DOCUMENT


def may_see(principal: Principal, dialect: str) -> ColumnElement[bool]:
    """Return the condition that `Principal.may_see` states of a document's access."""
    if dialect == "sqlite":
        length = func.json_array_length(type_coerce(DocumentRow.access, JSON))
        groups = func.json_each(type_coerce(DocumentRow.access, JSON)).table_valued("value")
    else:
        access = cast(DocumentRow.access, JSONB)
        length = func.jsonb_array_length(access)
        groups = func.jsonb_array_elements_text(access).table_valued("value")
    shared = select(groups.c.value).where(groups.c.value.in_(sorted(principal.groups))).exists()
    return or_(length == 0, shared)


def _wanted(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.documents:
        found.append(DocumentRow.id.in_(filters.documents))
    if filters.languages:
        found.append(VersionRow.language.in_(filters.languages))
    dated = func.coalesce(VersionRow.modified_at, VersionRow.written_at)
    if filters.dated_from:
        found.append(dated >= filters.dated_from.isoformat())
    if filters.dated_to:
        found.append(dated < _day_after(filters.dated_to))
    found += [or_(*(_equals(name, value) for value in values)) for name, values in filters.metadata.items()]
    return found


def _day_after(day: date) -> str:
    return date.fromordinal(day.toordinal() + 1).isoformat()


def _equals(name: str, value: str | float | bool) -> ColumnElement[bool]:
    """Compare as text, so that a field that holds numbers here and words there is no error in PostgreSQL."""
    texts = {True: ["true", "1"], False: ["false", "0"]}[value] if isinstance(value, bool) else [str(value)]
    return cast(DocumentRow.meta[name].as_string(), Text).in_(texts)
