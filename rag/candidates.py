"""What may be a hit: chunks that an index proposes and the registry confirms, read in one transaction."""

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, select
from sqlalchemy.orm import Session

from rag.database import transaction
from rag.filters import Selection, conditions, narrows, read_selection
from rag.lexical.index import LexicalIndex, LexicalQuery
from rag.lexical.score import lexical_scores
from rag.ranking import Candidate
from rag.tables import ChunkRow, DocumentRow, VersionRow
from rag.types import ANY_DOCUMENT, Hit, Mode, Principal, Search
from rag.work import in_parts

IDS_AT_ONCE = 10_000  # PostgreSQL takes 65,535 parameters in a query
_DOCUMENT = DocumentRow.id == ChunkRow.document_id
_VERSION = (VersionRow.document_id == ChunkRow.document_id) & (VersionRow.version == ChunkRow.version)
_READ = (
    select(ChunkRow.id, ChunkRow.document_id, ChunkRow.version, ChunkRow.text, ChunkRow.context, ChunkRow.page)
    .add_columns(ChunkRow.section, ChunkRow.start, ChunkRow.end, ChunkRow.words, VersionRow.title, VersionRow.filename)
    .join(DocumentRow, _DOCUMENT)
    .join(VersionRow, _VERSION)
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Candidates that may be shown now, in no order, and what the query was taken for.

    `replaced`: the documents, each with the version that it serves now, of which a proposed chunk is of another.
    """

    candidates: list[Candidate]
    query: LexicalQuery
    replaced: set[tuple[str, int]]


class Candidates:
    """Reads chunks and their words; whatever is deleted, replaced or not for the caller is left out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lexical = LexicalIndex(engine.dialect.name)

    def selection(self, search: Search) -> Selection | None:
        """Return the documents that a search may look at, if its filters or the caller's rights leave only few."""
        if not narrows(search.principal, search.filters):
            return None
        with transaction(self._engine, writes=False) as session:
            return read_selection(session, search, dialect=self._engine.dialect.name)

    def read(self, search: Search, dense: Mapping[str, float], limit: int, selection: Selection | None = None) -> Found:
        """Return those of the chunks of `dense` (id -> cosine), and up to `limit` that hold the query's words.

        Unless the search compares vectors alone, all get a lexical score, whoever proposed them.
        """
        by_words = search.mode != Mode.DENSE
        where = conditions(search.principal, search.collections, search.filters, dialect=self._engine.dialect.name)
        with transaction(self._engine, writes=False) as session:
            query = self._lexical.query(session, search.text) if by_words else LexicalQuery()
            is_narrow = search.collections is not None or narrows(search.principal, search.filters)
            proposed = self._lexical.candidates(
                session,
                query,
                limit=limit,
                where=where if is_narrow else None,
                selection=selection,
            )
            ids = list(dict.fromkeys([*dense, *proposed]))
            rows: list[Row[Any]] = []
            for some in in_parts(ids, IDS_AT_ONCE):
                rows += session.execute(_READ.where(*where, ChunkRow.id.in_(some)))
            replaced = _replaced(session, set(ids) - {row.id for row in rows})
        candidates = [Candidate(hit=_hit(row), words=row.words, dense=dense.get(row.id)) for row in rows]
        if by_words:
            scores = lexical_scores(query, [one.words for one in candidates])
            for one, score in zip(candidates, scores.tolist(), strict=True):
                one.lexical = score
        return Found(candidates=candidates, query=query, replaced=replaced)

    def hits(self, chunk_ids: Collection[str], principal: Principal) -> dict[str, Hit]:
        """Return those of the chunks that are served and that the principal may see, by their ids; scores are 0."""
        where = conditions(principal, None, ANY_DOCUMENT, dialect=self._engine.dialect.name)
        with transaction(self._engine, writes=False) as session:
            parts = in_parts(chunk_ids, IDS_AT_ONCE)
            rows = [row for some in parts for row in session.execute(_READ.where(*where, ChunkRow.id.in_(some)))]
        return {row.id: _hit(row) for row in rows}

    def ids(self, search: Search, limit: int) -> list[str]:
        """Return up to `limit` ids of the chunks that the search may look at."""
        where = conditions(search.principal, search.collections, search.filters, dialect=self._engine.dialect.name)
        query = select(ChunkRow.id).join(DocumentRow, _DOCUMENT).join(VersionRow, _VERSION).where(*where).limit(limit)
        with transaction(self._engine, writes=False) as session:
            return list(session.scalars(query))


def _hit(row: Row[Any]) -> Hit:
    return Hit(
        chunk_id=row.id,
        document_id=row.document_id,
        version=row.version,
        title=row.title or row.filename,
        text=row.text,
        context=row.context,
        page=row.page,
        section=row.section,
        start=row.start,
        end=row.end,
        score=0.0,
    )


def _replaced(session: Session, chunk_ids: Set[str]) -> set[tuple[str, int]]:
    """Return the live documents, with the version that they serve, of which a chunk is of another version."""
    versions = {tuple(chunk_id.split(".")[:2]) for chunk_id in chunk_ids}
    serving: dict[str, int] = {}
    for documents in in_parts({document_id for document_id, _ in versions}, IDS_AT_ONCE):
        query = select(DocumentRow.id, DocumentRow.serving).where(
            DocumentRow.id.in_(documents), DocumentRow.deleted_at.is_(None), DocumentRow.serving.is_not(None)
        )
        serving |= {row.id: row.serving for row in session.execute(query)}
    return {(key, serving[key]) for key, version in versions if key in serving and serving[key] != int(version)}
