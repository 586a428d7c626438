"""The registry's tables. Times are Unix seconds, so that SQLite and PostgreSQL compare them alike."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, ForeignKeyConstraint, Index, MetaData, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class CollectionRow(Base):
    __tablename__ = "collections"
    name: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[float]


class DocumentRow(Base):
    """`serving` is the version that answers use; `deleted_at` hides the document at once."""

    __tablename__ = "documents"
    id: Mapped[str] = mapped_column(primary_key=True)
    collection: Mapped[str] = mapped_column(ForeignKey("collections.name"), index=True)
    source_id: Mapped[str | None]
    serving: Mapped[int | None]
    meta: Mapped[dict[str, Any]] = mapped_column(JSON)
    access: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[float]
    deleted_at: Mapped[float | None]

    __table_args__ = (
        Index(
            "uq_documents_live_source",
            "collection",
            "source_id",
            unique=True,
            sqlite_where=text("deleted_at IS NULL AND source_id IS NOT NULL"),
            postgresql_where=text("deleted_at IS NULL AND source_id IS NOT NULL"),
        ),
    )


class VersionRow(Base):
    """One upload, and the work on it: `lease_owner` holds it until `lease_until`, no try before `not_before`."""

    __tablename__ = "versions"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    filename: Mapped[str]
    sha256: Mapped[str] = mapped_column(index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    stage: Mapped[str | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    unit: Mapped[str] = mapped_column(default="")
    error_type: Mapped[str | None]
    error_title: Mapped[str | None]
    error_detail: Mapped[str | None]
    title: Mapped[str | None]
    pages: Mapped[int | None]
    chunks: Mapped[int] = mapped_column(default=0)
    text: Mapped[str | None] = mapped_column(Text, deferred=True)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[float] = mapped_column(default=0.0)
    not_before: Mapped[float] = mapped_column(default=0.0)
    created_at: Mapped[float]


class ChunkRow(Base):
    """A passage; `id` is '<document>.<version>.<ordinal>', the same in Chroma."""

    __tablename__ = "chunks"
    id: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str]
    version: Mapped[int]
    ordinal: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    context: Mapped[str] = mapped_column(Text)
    page: Mapped[int | None]
    section: Mapped[str | None]
    start: Mapped[int]
    end: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["document_id", "version"], ["versions.document_id", "versions.version"]),
        Index("ix_chunks_document_version", "document_id", "version"),
    )


class IdempotencyRow(Base):
    """Which upload an Idempotency-Key stands for; `caller` keeps one key's values from another's."""

    __tablename__ = "idempotency_keys"
    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str]
    created_at: Mapped[float]


class ApiKeyRow(Base):
    """An API key: only the SHA-256 of its 256 random bits is kept."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    groups: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[float]
    revoked_at: Mapped[float | None]


class SourceRow(Base):
    """A place that documents come from; `run_as` is who registered it, `lease_owner` the worker that reads it."""

    __tablename__ = "sources"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    location: Mapped[str]
    collection: Mapped[str]
    access: Mapped[list[str]] = mapped_column(JSON)
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    run_as: Mapped[dict[str, Any]] = mapped_column(JSON)
    interval_s: Mapped[float | None]
    grace_s: Mapped[float]
    created_at: Mapped[float]
    next_run_at: Mapped[float | None] = mapped_column(index=True)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[float] = mapped_column(default=0.0)
    last_run: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    __table_args__ = (UniqueConstraint("kind", "location", "collection"),)


class SourceItemRow(Base):
    """A page, file or object of a source: its state when it was last read, and since when it is missing."""

    __tablename__ = "source_items"
    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str | None] = mapped_column(index=True)
    validator: Mapped[str | None]
    links: Mapped[list[str]] = mapped_column(JSON)
    problem: Mapped[str | None]
    missing_since: Mapped[float | None]
