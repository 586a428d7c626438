"""Rows of the registry to records."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from rag.tables import ChunkRow, DocumentRow, SourceIdRow, VersionRow
from rag.types import Chunk, Document, Failure, Status, Version


def document_record(session: Session, row: DocumentRow) -> Document:
    """Return a document's row, its names and its versions as one record."""
    return document_records(session, [row])[0]


def document_records(session: Session, rows: Sequence[DocumentRow]) -> list[Document]:
    """Return a record of each row, in their order; two queries, however many there are."""
    ids = [row.id for row in rows]
    versions, names = defaultdict[str, list[Version]](list), defaultdict[str, list[str]](list)
    of_these = select(VersionRow).where(VersionRow.document_id.in_(ids)).order_by(VersionRow.version)
    for version in session.scalars(of_these):
        versions[version.document_id].append(_version_record(version))
    named = (
        select(SourceIdRow.document_id, SourceIdRow.source_id)
        .where(SourceIdRow.document_id.in_(ids))
        .order_by(SourceIdRow.created_at, SourceIdRow.source_id)
    )
    for document_id, source_id in session.execute(named):
        names[document_id].append(source_id)
    return [
        Document(
            id=row.id,
            collection=row.collection,
            source_ids=tuple(names[row.id]),
            serving=row.serving,
            metadata=row.meta,
            access=tuple(row.access),
            versions=tuple(versions[row.id]),
        )
        for row in rows
    ]


def _version_record(row: VersionRow) -> Version:
    failure = None
    if row.error_type:
        failure = Failure(type=row.error_type, title=row.error_title or "", detail=row.error_detail or "")
    return Version(
        document_id=row.document_id,
        version=row.version,
        filename=row.filename,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        status=Status(row.status),
        stage=row.stage,
        done=row.done,
        total=row.total,
        unit=row.unit,
        failure=failure,
        title=row.title,
        author=row.author,
        written_at=row.written_at,
        modified_at=row.modified_at,
        language=row.language,
        warnings=tuple(row.warnings),
        pages=row.pages,
        chunks=row.chunks,
        attempts=row.attempts,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
    )


def chunk_record(row: ChunkRow) -> Chunk:
    return Chunk(
        ordinal=row.ordinal,
        text=row.text,
        context=row.context,
        page=row.page,
        section=row.section,
        start=row.start,
        end=row.end,
    )


def chunk_id(document_id: str, version: int, ordinal: int) -> str:
    """Return the chunk's id: the same whenever the same version is chunked again."""
    return f"{document_id}.{version}.{ordinal}"
