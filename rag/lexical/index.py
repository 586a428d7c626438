"""Which chunks hold a query's words: SQLite's FTS5 or PostgreSQL's full text, in the registry's own database.

It proposes candidates; `rag.lexical.score` scores them, alike for both databases.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session, aliased

from rag.filters import Selection
from rag.lexical.words import DEFAULT_LANGUAGE, QueryWord, query_words
from rag.tables import ChunkRow, DocumentRow, VersionRow

MOST_MATCHES = 3_000  # rows that are ranked for one query: some 3 ms. Commoner words count only in the scoring
NARROW_REACH = 10  # times the limit: where a filter lets through a tenth, that is enough
COMMON, COUNT_KEPT_S = 1_000, 600.0  # SQLite reads a word's whole list to count it: 10 ms for the commonest
_VECTOR: ColumnElement[str] = literal_column("chunks.vector")  # PostgreSQL makes it of the words
_LEXICAL = table("lexical", column("rowid"), column("rank"))
_TERMS = table("lexical_terms", column("term"), column("doc"))
_VERSION = (VersionRow.document_id == ChunkRow.document_id) & (VersionRow.version == ChunkRow.version)


@dataclass(frozen=True, kw_only=True)
class WeightedWord:
    """A query's word, how many chunks hold it, and its inverse document frequency (natural logarithm, >= 0)."""

    word: QueryWord
    chunks: int
    idf: float


@dataclass(frozen=True, kw_only=True)
class LexicalQuery:
    """A query's words in their order; `most_idf` is that of a word which no chunk has, `languages` are the index's."""

    words: tuple[WeightedWord, ...] = ()
    most_idf: float = 0.0
    languages: tuple[str, ...] = ()


class LexicalIndex:
    """Reads what `rag.serving` writes: it is never behind the registry."""

    def __init__(self, dialect: str) -> None:
        self._is_sqlite = dialect == "sqlite"
        self._common: dict[str, tuple[int, float]] = {}

    def query(self, session: Session, text: str) -> LexicalQuery:
        """Return the words of a text, weighed by how rare they are in the index."""
        languages = _languages(session)
        found = query_words(text, languages)
        total = session.scalar(select(func.max(ChunkRow.number))) or 0  # counting a million rows takes 50 ms
        forms = {form for word in found for form in word.forms}
        frequency = self._frequencies(session, sorted(forms)) if forms else {}
        weighed = []
        for word in found:
            chunks = sum(frequency.get(form, 0) for form in word.forms)
            weighed.append(WeightedWord(word=word, chunks=chunks, idf=_idf(chunks, total)))
        return LexicalQuery(words=tuple(weighed), most_idf=_idf(0, total), languages=tuple(languages))

    def candidates(
        self,
        session: Session,
        query: LexicalQuery,
        *,
        limit: int,
        where: Sequence[ColumnElement[bool]] | None,
        selection: Selection | None = None,
    ) -> list[str]:
        """Return up to `limit` ids of chunks that hold the query's rarer words, the likeliest first.

        `where` are conditions on DocumentRow and VersionRow; None: any chunk. `selection` are the documents that fulfil
        them, if they are few.
        """
        rarest_first = sorted({word for word in query.words if word.chunks}, key=lambda word: word.chunks)
        if not rarest_first:
            return []
        together = rarest_first[0].chunks > MOST_MATCHES  # no word is rare: look for two in one chunk
        picked = rarest_first[:2] if together else list(_within_budget(rarest_first))
        rows = select(ChunkRow.id).limit(limit)
        if where is not None:
            rows = rows.join(VersionRow, _VERSION).join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
            rows = rows.where(*where)
        if not self._is_sqlite:
            return list(session.scalars(_matching_in_postgresql(rows, picked, together)))
        if selection is not None:
            return _of_selection(session, picked, together, limit=limit, selection=selection)
        reach = limit if where is None else limit * NARROW_REACH
        found = list(session.scalars(_matching_in_sqlite(rows, picked, together, reach)))
        if where is None or len(found) == limit or sum(word.chunks for word in picked) <= reach:
            return found
        return list(session.scalars(_matching_in_sqlite(rows, picked, together, None)))

    def _frequencies(self, session: Session, forms: Sequence[str]) -> dict[str, int]:
        """Return how many chunks hold each form; in PostgreSQL counted up to what no query ranks anyway."""
        if self._is_sqlite:
            now = time.monotonic()
            known = {form: self._common[form] for form in forms if form in self._common}
            counts = {form: count for form, (count, until) in known.items() if until > now}
            missing = [form for form in forms if form not in counts]
            rows = session.execute(select(_TERMS.c.term, _TERMS.c.doc).where(_TERMS.c.term.in_(missing)))
            counted = {row.term: row.doc for row in rows}
            self._common |= {form: (n, now + COUNT_KEPT_S) for form, n in counted.items() if n > COMMON}
            return counts | counted
        matching = (select(ChunkRow.number).where(_has([form])).limit(2 * MOST_MATCHES) for form in forms)
        counting = [select(func.count()).select_from(rows.subquery()).scalar_subquery() for rows in matching]
        return dict(zip(forms, session.execute(select(*counting)).one(), strict=True))


def _within_budget(rarest_first: Sequence[WeightedWord]) -> Iterator[WeightedWord]:
    """Yield the first word, and as many more as leave the rows to rank few enough."""
    matches = 0
    for word in rarest_first:
        matches += word.chunks
        if word is not rarest_first[0] and matches > MOST_MATCHES:
            return
        yield word


def _matching_in_sqlite(
    rows: Select[str], words: Sequence[WeightedWord], together: bool, reach: int | None
) -> Select[str]:
    """Ordered by FTS5's own BM25. Only the best `reach` are looked up in the tables: a row each is what takes time."""
    best = _matching(words, together).order_by(_LEXICAL.c.rank).limit(reach).subquery()
    return rows.join(best, best.c.rowid == ChunkRow.number).order_by(best.c.rank)


def _matching(words: Sequence[WeightedWord], together: bool) -> Select[Any]:
    forms = ["(" + " OR ".join(f'"{form}"' for form in word.word.forms) + ")" for word in words]
    match = (" AND " if together else " OR ").join(forms)
    return select(_LEXICAL).where(text("lexical MATCH :match").bindparams(match=match))


def _of_selection(
    session: Session, words: Sequence[WeightedWord], together: bool, *, limit: int, selection: Selection
) -> list[str]:
    """Return up to `limit` matches of these documents, told apart here: joining each with its document takes longer.

    All of a small selection; else those among the best.
    """
    names = selection.names
    if selection.is_small:
        own = select(ChunkRow.number, ChunkRow.id).where(ChunkRow.document_id.in_(names))
        ids = {row.number: row.id for row in session.execute(own)}
        matching = session.scalars(_matching(words, together).with_only_columns(_LEXICAL.c.rowid))
        found = [ids[number] for number in matching if number in ids]
        if len(found) <= limit:
            return found
    best = session.scalars(_matching_in_sqlite(select(ChunkRow.id), words, together, limit * NARROW_REACH))
    return [key for key in best if key.partition(".")[0] in names][:limit]


def _matching_in_postgresql(rows: Select[str], words: Sequence[WeightedWord], together: bool) -> Select[str]:
    """Ordered by the weight of the words that they hold: PostgreSQL's own ranking does not know how rare a word is."""
    held = [_has(word.word.forms) for word in words]
    weight: ColumnElement[float] = literal(0.0)
    for has, word in zip(held, words, strict=True):
        weight += cast(has, Integer) * word.idf
    return rows.where(and_(*held) if together else or_(*held)).order_by(weight.desc(), ChunkRow.number)


def _has(forms: Sequence[str]) -> ColumnElement[bool]:
    """Return PostgreSQL's condition that a chunk holds any of the forms, which are letters and digits alone."""
    return _VECTOR.bool_op("@@")(cast(" | ".join(f"'{form}'" for form in forms), TSQUERY))


def _idf(chunks: int, total: int) -> float:
    """Return BM25's inverse document frequency, as Lucene computes it: never below 0."""
    return math.log(1 + (max(total, chunks) - chunks + 0.5) / (chunks + 0.5))


def _each_language() -> Select[Any]:
    other = aliased(VersionRow)
    tags = select(func.min(VersionRow.language).label("tag")).cte(recursive=True)
    following = select(func.min(other.language)).where(other.language > tags.c.tag).scalar_subquery()
    tags = tags.union_all(select(following).where(tags.c.tag.is_not(None)))
    return select(tags.c.tag).where(tags.c.tag.is_not(None))


_LANGUAGES = _each_language()


def _languages(session: Session) -> list[str]:
    """Return the languages that chunks are indexed in, by a step of an index for each, not by reading all versions."""
    return sorted({DEFAULT_LANGUAGE, *session.scalars(_LANGUAGES)})
