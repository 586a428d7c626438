"""Which documents a search may look at: the caller's rights and what the caller asks for, as conditions in SQL."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import JSON, ColumnElement, Text, cast, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from rag.records import chunk_id
from rag.tables import ChunkRow, DocumentRow, VersionRow
from rag.types import ANY_DOCUMENT, Filters, Principal, Search

MOST_DOCUMENTS = 3_000  # listing more costs what it saves
MOST_CHUNKS = 2_000  # asking Chroma for so many by id takes 20 ms; far faster than its `where`


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The few documents that a narrow search may look at, as (id, version, chunks) by collection.

    `share` is what they are of all chunks of the registry, 0 to 1.
    """

    documents: Mapping[str, list[tuple[str, int, int]]]
    share: float

    @property
    def chunks(self) -> int:
        return sum(chunks for listed in self.documents.values() for _, _, chunks in listed)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for listed in self.documents.values() for name, _, _ in listed)

    def ids(self) -> dict[str, list[str]]:
        """Return the ids of all their chunks by collection."""
        return {
            collection: [chunk_id(name, version, n) for name, version, chunks in listed for n in range(chunks)]
            for collection, listed in self.documents.items()
        }

    @property
    def is_small(self) -> bool:
        """Whether its chunks are few enough to be named one by one."""
        return self.chunks <= MOST_CHUNKS


def read_selection(session: Session, search: Search, *, dialect: str) -> Selection | None:
    """Return the documents that a search may look at, or None if they are many."""
    where = conditions(search.principal, search.collections, search.filters, dialect=dialect)
    query = select(DocumentRow.collection, DocumentRow.id, VersionRow.version, VersionRow.chunks).where(*where)
    joined = query.join(VersionRow, VersionRow.document_id == DocumentRow.id)
    rows = session.execute(joined.limit(MOST_DOCUMENTS + 1)).all()
    if len(rows) > MOST_DOCUMENTS:
        return None
    documents = defaultdict[str, list[tuple[str, int, int]]](list)
    for row in rows:
        documents[row.collection].append((row.id, row.version, row.chunks))
    total = session.scalar(select(func.max(ChunkRow.number))) or 1  # counting a million rows takes 50 ms
    return Selection(documents=documents, share=min(1.0, sum(row.chunks for row in rows) / total))


def conditions(
    principal: Principal, collections: Sequence[str] | None, filters: Filters, *, dialect: str
) -> list[ColumnElement[bool]]:
    """Return what a served version must fulfil, for a query that joins DocumentRow and VersionRow."""
    found = [DocumentRow.deleted_at.is_(None), DocumentRow.serving == VersionRow.version]
    if collections is not None:
        # Joined to nothing: no index serves it. SQLite took the one of collections, and half of all documents with it.
        found.append(DocumentRow.collection.concat("").in_(collections))
    found += rights(principal, dialect)
    return found + _wanted(filters)


def narrows(principal: Principal, filters: Filters) -> bool:
    """Tell whether only some of the documents may be what is looked for, in the collections that are."""
    return not principal.is_admin or principal.collections is not None or filters != ANY_DOCUMENT


def rights(principal: Principal, dialect: str) -> list[ColumnElement[bool]]:
    """Return the conditions that `Principal.may_see` states of a document."""
    found: list[ColumnElement[bool]] = []
    if principal.collections is not None:
        found.append(DocumentRow.collection.concat("").in_(sorted(principal.collections)))
    if not principal.is_admin:
        found.append(_is_for(principal, dialect))
    return found


def _is_for(principal: Principal, dialect: str) -> ColumnElement[bool]:
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
