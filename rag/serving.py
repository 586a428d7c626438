"""What answers may use: the switch to a version, what each generation's index must hold, the end of what is deleted."""

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine, Text, cast, delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from rag.audit import WORKER, record
from rag.cases import hide_document_in_cases
from rag.database import clock, lock_name, transaction
from rag.epochs import changed
from rag.generations import State, generation_states, index_again
from rag.lexical.words import chunk_words
from rag.records import chunk_id, chunk_record
from rag.tables import (
    ChunkRow,
    DocumentRow,
    IdempotencyRow,
    IndexedRow,
    SourceIdRow,
    TurnRow,
    VersionRow,
    WorkRow,
)
from rag.traces import hide_document
from rag.types import Chunk, Extracted, Status
from rag.work import Kind, Work, add_work, end_work, held_by, in_parts, locked, locked_one

_SERVED = (
    DocumentRow,
    (DocumentRow.id == VersionRow.document_id)
    & (DocumentRow.serving == VersionRow.version)
    & DocumentRow.deleted_at.is_(None),
)


class Switch(StrEnum):
    """How the attempt to serve a version ended.

    `served`: searches show it from now on. `superseded`: a newer version serves already. `lost`: another worker has
    the work, or the document is deleted. `moved`: another generation serves since the work began; begin again.
    """

    SERVED = "served"
    SUPERSEDED = "superseded"
    LOST = "lost"
    MOVED = "moved"


@dataclass(frozen=True, kw_only=True)
class Served:
    """Which version of a document is served, and of how many chunks it is."""

    version: int
    chunks: int


class Serving:
    """Every change of what is shown. One transaction a call, which either happens whole or not at all.

    Rows are locked in one order, so that no two transactions wait for each other: generations, the document, its
    work, the collection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def switch(self, work: Work, extracted: Extracted, generation: int) -> Switch:
        """Serve a version, its vectors already in `generation`, instead of the one before.

        Other generations are queued to be filled with it, and the vectors before it to be removed.
        """
        rows = [_chunk_values(work, chunk, extracted.language) for chunk in extracted.chunks]
        with transaction(self._engine, writes=True) as session:
            states = generation_states(session)
            document = locked_one(session, work.document_id)
            held = session.scalar(select(WorkRow).where(*held_by(work)).with_for_update())
            if held is None or document is None or document.deleted_at is not None:
                return Switch.LOST
            if states.get(generation) != State.SERVING:
                return Switch.MOVED
            _store_version(session, work, extracted)
            session.delete(held)
            if (document.serving or 0) > work.version:
                return Switch.SUPERSEDED
            is_first = document.serving is None
            document.serving = work.version
            session.execute(delete(ChunkRow).where(ChunkRow.document_id == work.document_id))
            if rows:
                session.execute(insert(ChunkRow), rows)
            session.execute(delete(IndexedRow).where(IndexedRow.document_id == work.document_id))
            _mark_indexed(session, work.document_id, work.version, generation)
            for other in states.keys() - {generation}:
                add_work(
                    session,
                    Kind.REINDEX,
                    work.document_id,
                    version=work.version,
                    generation=other,
                    size_bytes=held.size_bytes,
                )
            if not is_first:
                add_work(session, Kind.CLEAN, work.document_id)
            changed(session, document.collection)
            return Switch.SERVED

    def reindexed(self, work: Work) -> bool:
        """Record that another generation holds the version, unless it was replaced meanwhile.

        Return False if the work was lost: then its vectors may be where none should be.
        """
        with transaction(self._engine, writes=True) as session:
            states = generation_states(session)
            document = locked_one(session, work.document_id)
            if not end_work(session, work) or document is None:
                return False
            if document.deleted_at is None and document.serving == work.version and work.generation in states:
                _mark_indexed(session, work.document_id, work.version, work.generation)
                if states[work.generation] == State.SERVING:
                    changed(session, document.collection)
            return True

    def served_chunks(self, document_id: str) -> tuple[int, list[Chunk]]:
        """Return the version that the index is to hold and its chunks in reading order; (0, []) for none."""
        query = (
            select(DocumentRow.serving, ChunkRow)
            .join(ChunkRow, ChunkRow.document_id == DocumentRow.id)
            .where(DocumentRow.id == document_id, DocumentRow.deleted_at.is_(None))
            .where(ChunkRow.version == DocumentRow.serving)
            .order_by(ChunkRow.ordinal)
        )
        with transaction(self._engine, writes=False) as session:
            rows = session.execute(query).all()
        return (rows[0][0] or 0 if rows else 0), [chunk_record(row) for _, row in rows]

    def is_indexed(self, document_id: str, generation: int) -> bool:
        """Tell whether a generation is said to hold what is served of a document."""
        with transaction(self._engine, writes=False) as session:
            row = session.get(IndexedRow, (generation, document_id))
            served = session.scalar(select(DocumentRow.serving).where(DocumentRow.id == document_id))
            return row is not None and row.version == served

    def ask_to_index(self, document_ids: Collection[str], generation: int) -> None:
        """Have a generation filled with what is served of these documents: it lacks some of it."""
        for some in in_parts(document_ids):
            with transaction(self._engine, writes=True) as session:
                for document in locked(session, some):
                    if document.serving is not None and document.deleted_at is None:
                        index_again(session, document.id, document.serving, generation)

    def is_settled(self, generation: int, vectors: int) -> bool:
        """Tell whether a generation with so many vectors holds what is served, as far as counting shows."""
        with transaction(self._engine, writes=False) as session:
            expected = session.scalar(select(func.sum(VersionRow.chunks)).join(*_SERVED)) or 0
            marked = exists().where(
                IndexedRow.generation == generation,
                IndexedRow.document_id == DocumentRow.id,
                IndexedRow.version == DocumentRow.serving,
            )
            unmarked = session.scalar(select(VersionRow.document_id).join(*_SERVED).where(~marked).limit(1))
            return vectors == expected and unmarked is None

    def served_ids(self, chunk_ids: Sequence[str]) -> set[str]:
        """Return those of the chunk ids that are served."""
        with transaction(self._engine, writes=False) as session:
            return set(
                session.scalars(
                    select(ChunkRow.id)
                    .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
                    .where(ChunkRow.id.in_(chunk_ids), DocumentRow.deleted_at.is_(None))
                )
            )

    def served_counts(self) -> dict[str, Served]:
        """Return every served document with its version and the number of its chunks."""
        with transaction(self._engine, writes=False) as session:
            query = select(VersionRow.document_id, VersionRow.version, VersionRow.chunks).join(*_SERVED)
            return {row.document_id: Served(version=row.version, chunks=row.chunks) for row in session.execute(query)}

    def mark_indexed(self, versions: Mapping[str, int], generation: int) -> None:
        """Record of these versions that a generation was seen to hold them, where they are served still."""
        for some in in_parts(versions):
            with transaction(self._engine, writes=True) as session:
                states = generation_states(session)
                filled: set[str] = set()
                for document in locked(session, some):
                    if document.serving == versions[document.id] and generation in states:
                        _mark_indexed(session, document.id, document.serving, generation)
                        filled.add(document.collection)
                if states.get(generation) == State.SERVING:
                    changed(session, *filled)

    def purge(self, work: Work, remove_original: Callable[[str], None]) -> None:
        """Remove all that is left of a deleted document, its vectors gone already.

        Its row stays, with the time, as the proof. `remove_original` is called with each hash that no other
        document has, while uploads of the same bytes wait; the store may be slow, and others need not.
        """
        with transaction(self._engine, writes=True) as session:
            if session.scalar(select(WorkRow.id).where(*held_by(work))) is None:
                return
            own = select(VersionRow.sha256).where(VersionRow.document_id == work.document_id).distinct()
            for sha256 in sorted(session.scalars(own)):
                lock_name(session, sha256)
                others = (VersionRow.sha256 == sha256, VersionRow.document_id != work.document_id)
                if session.scalar(select(VersionRow.version).where(*others).limit(1)) is None:
                    remove_original(sha256)
            document = locked_one(session, work.document_id)
            if document is None:
                return
            _forget_answers(session, work.document_id)
            for table in (ChunkRow, IndexedRow, VersionRow, IdempotencyRow, SourceIdRow):
                session.execute(delete(table).where(table.document_id == work.document_id))
            session.execute(delete(WorkRow).where(WorkRow.document_id == work.document_id, WorkRow.id != work.id))
            hide_document(session, work.document_id)
            hide_document_in_cases(session, work.document_id)
            if document.purged_at is None:
                document.meta, document.access, document.serving = {}, [], None
                document.purged_at = clock(session)
                record(session, WORKER, "document.purged", work.document_id)


def _forget_answers(session: Session, document_id: str) -> None:
    """Remove the text of every answer in a conversation that may rest on the document."""
    named = cast(TurnRow.documents, Text).contains(f'"{document_id}"', autoescape=True)
    session.execute(update(TurnRow).where(named).values(answer="", sources=[]))


def _store_version(session: Session, work: Work, extracted: Extracted) -> None:
    named = (VersionRow.document_id == work.document_id, VersionRow.version == work.version)
    values = {
        "status": Status.READY,
        "stage": None,
        "title": extracted.title,
        "author": extracted.author,
        "written_at": extracted.created_at,
        "modified_at": extracted.modified_at,
        "language": extracted.language,
        "warnings": list(extracted.warnings),
        "text": extracted.text,
        "pages": extracted.pages,
        "page_sizes": [list(size) for size in extracted.page_sizes],
        "boxes": zlib.compress(extracted.boxes, 1) if extracted.boxes else None,
        "chunks": len(extracted.chunks),
        "error_type": None,
        "error_title": None,
        "error_detail": None,
    }
    session.execute(update(VersionRow).where(*named).values(**values))


def _mark_indexed(session: Session, document_id: str, version: int, generation: int) -> None:
    session.merge(IndexedRow(generation=generation, document_id=document_id, version=version))


def _chunk_values(work: Work, chunk: Chunk, language: str | None) -> dict[str, Any]:
    return {
        "id": chunk_id(work.document_id, work.version, chunk.ordinal),
        "document_id": work.document_id,
        "version": work.version,
        "ordinal": chunk.ordinal,
        "text": chunk.text,
        "context": chunk.context,
        "page": chunk.page,
        "section": chunk.section,
        "start": chunk.start,
        "end": chunk.end,
        "words": chunk_words(chunk.context, chunk.text, language),
    }
