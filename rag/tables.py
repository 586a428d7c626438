"""The registry's tables. Times are Unix seconds, so that SQLite and PostgreSQL compare them alike."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
)
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
    """`internal`: its text must not leave the house.

    `epoch` is another after every change of what the collection's answers may rest on: see `rag.epochs`.
    """

    __tablename__ = "collections"
    name: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[float]
    internal: Mapped[bool] = mapped_column(default=False)
    epoch: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class DocumentRow(Base):
    """`serving` is the version that answers use; `deleted_at` hides it at once, `purged_at`: nothing of it is left."""

    __tablename__ = "documents"
    id: Mapped[str] = mapped_column(primary_key=True)
    collection: Mapped[str] = mapped_column(ForeignKey("collections.name"), index=True)
    serving: Mapped[int | None]
    meta: Mapped[dict[str, Any]] = mapped_column(JSON)
    access: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[float] = mapped_column(index=True)
    deleted_at: Mapped[float | None]
    purged_at: Mapped[float | None]


class SourceIdRow(Base):
    """A document's name in another system. Several names share a document while their bytes are the same."""

    __tablename__ = "source_ids"
    collection: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), index=True)
    created_at: Mapped[float]


class VersionRow(Base):
    """One upload of a document, where the work on it stands, and what was read from it.

    `boxes` is zlib-compressed: four uint16 per character of `text`, as in `rag.types.Block`.
    """

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
    author: Mapped[str | None]
    written_at: Mapped[str | None]
    modified_at: Mapped[str | None]
    language: Mapped[str | None] = mapped_column(index=True)
    warnings: Mapped[list[str]] = mapped_column(JSON, default=list)
    pages: Mapped[int | None]
    page_sizes: Mapped[list[list[float]]] = mapped_column(JSON, default=list, deferred=True)
    chunks: Mapped[int] = mapped_column(default=0)
    text: Mapped[str | None] = mapped_column(Text, deferred=True)
    boxes: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[float]


class WorkRow(Base):
    """Work that is to be done; the row goes when it is. `owner` holds it until `lease_until`.

    `lane` is what shares the workers fairly: a collection, or a kind of background work. `strikes` counts the
    claims that ended without a word or for no known reason: what kills its worker must not do so for ever.
    """

    __tablename__ = "work"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), index=True)
    version: Mapped[int]
    generation: Mapped[int] = mapped_column(default=0)
    lane: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    queued_at: Mapped[float]
    not_before: Mapped[float] = mapped_column(default=0.0)
    attempts: Mapped[int] = mapped_column(default=0)
    strikes: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None]
    lease_until: Mapped[float] = mapped_column(default=0.0)

    __table_args__ = (Index("ix_work_lane_queued_at", "lane", "queued_at"),)


class LaneRow(Base):
    """When a lane was last given a worker: the one that waited longest is next."""

    __tablename__ = "lanes"
    name: Mapped[str] = mapped_column(primary_key=True)
    claimed_at: Mapped[float]


class WorkerRow(Base):
    """A worker process as it last said that it is alive."""

    __tablename__ = "workers"
    id: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[float]
    seen_at: Mapped[float]


class GenerationRow(Base):
    """An index filled by one embedding model. Exactly one is `serving`; `building` and `standby` are kept filled."""

    __tablename__ = "generations"
    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str]
    url: Mapped[str]
    query_prefix: Mapped[str]
    passage_prefix: Mapped[str]
    send_input_type: Mapped[bool]
    dimension: Mapped[int]
    max_tokens: Mapped[int]
    index_name: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    created_at: Mapped[float]
    switched_at: Mapped[float | None]


class IndexedRow(Base):
    """That a generation holds all vectors of the version that a document serves."""

    __tablename__ = "indexed"
    generation: Mapped[int] = mapped_column(ForeignKey("generations.id"), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), primary_key=True, index=True)
    version: Mapped[int]


class AuditRow(Base):
    """Who did what to which document, never what stands in it."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[float]
    actor: Mapped[str]
    action: Mapped[str]
    document_id: Mapped[str] = mapped_column(index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class ChunkRow(Base):
    """A passage; `id` is '<document>.<version>.<ordinal>', the same in Chroma.

    `words` are those of context and text as `rag.lexical.words` makes them, with a space between. The database
    indexes them within the transaction that writes them: SQLite by triggers, PostgreSQL by an index on the column.
    """

    __tablename__ = "chunks"
    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    document_id: Mapped[str]
    version: Mapped[int]
    ordinal: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    context: Mapped[str] = mapped_column(Text)
    page: Mapped[int | None]
    section: Mapped[str | None]
    start: Mapped[int]
    end: Mapped[int]
    words: Mapped[str] = mapped_column(Text, deferred=True)

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
    last_used_at: Mapped[float | None]


class UsageRow(Base):
    """What a caller asked in a day (UTC) and what it took, by generator; see `rag.usage.Sums`."""

    __tablename__ = "usage"
    day: Mapped[str] = mapped_column(primary_key=True)
    caller: Mapped[str] = mapped_column(primary_key=True)
    generator: Mapped[str] = mapped_column(primary_key=True)
    questions: Mapped[int] = mapped_column(BigInteger)
    answered: Mapped[int] = mapped_column(BigInteger)
    abstained: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
    cached: Mapped[int] = mapped_column(BigInteger)
    prompt_tokens: Mapped[int] = mapped_column(BigInteger)
    completion_tokens: Mapped[int] = mapped_column(BigInteger)
    cached_tokens: Mapped[int] = mapped_column(BigInteger)
    cost: Mapped[float | None]


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


class TraceRow(Base):
    """How an answer came about. `question` is the asker's words; `text` is what rests on documents, or None.

    `text` has answer and quotes, and the prompt and the model's own words where the settings say so: one value,
    so that it goes at once with a document. `candidates` is zlib-compressed JSON, without titles.
    """

    __tablename__ = "traces"
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(index=True)
    principal: Mapped[str]
    conversation_id: Mapped[str] = mapped_column(index=True)
    ended: Mapped[str]
    question: Mapped[str | None] = mapped_column(Text)
    search: Mapped[dict[str, Any]] = mapped_column(JSON)
    text: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    abstained: Mapped[bool]
    withheld: Mapped[str]
    generator: Mapped[str | None]
    routed: Mapped[str]
    prompt: Mapped[str]
    usage: Mapped[dict[str, int]] = mapped_column(JSON)
    timings: Mapped[dict[str, float]] = mapped_column(JSON)
    evidence: Mapped[float | None]
    candidates: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    citations: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    dropped_marks: Mapped[int]
    error: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))


class TraceDocumentRow(Base):
    """That the text of a trace may rest on a version of a document. No foreign key: it may be gone already."""

    __tablename__ = "trace_documents"
    trace_id: Mapped[str] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"), primary_key=True)
    document_id: Mapped[str] = mapped_column(primary_key=True, index=True)
    version: Mapped[int] = mapped_column(primary_key=True)


class FeedbackRow(Base):
    """What somebody thought of an answer."""

    __tablename__ = "feedback"
    trace_id: Mapped[str] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"), primary_key=True)
    principal: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float]
    rating: Mapped[str]
    reasons: Mapped[list[str]] = mapped_column(JSON)
    comment: Mapped[str | None] = mapped_column(Text)


class CaseRow(Base):
    """A question of `rag eval` that an administrator made of a trace; it outlives the trace."""

    __tablename__ = "cases"
    id: Mapped[str] = mapped_column(primary_key=True)
    trace_id: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[float]
    created_by: Mapped[str]
    question: Mapped[str] = mapped_column(Text)
    collections: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    answerable: Mapped[bool]
    answer: Mapped[str | None] = mapped_column(Text)


class CaseDocumentRow(Base):
    """That a document answers a case."""

    __tablename__ = "case_documents"
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)
    document_id: Mapped[str] = mapped_column(primary_key=True, index=True)


class ConversationRow(Base):
    """Questions that belong together; `principal` is who asked them, and nobody else sees them."""

    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(primary_key=True)
    principal: Mapped[str]
    title: Mapped[str]
    created_at: Mapped[float]
    updated_at: Mapped[float] = mapped_column(index=True)

    __table_args__ = (Index("ix_conversations_principal_updated_at", "principal", "updated_at"),)


class TurnRow(Base):
    """A question and its answer.

    `sources` are those that this turn added to the prompt, each `[n, [chunk ids]]`; `documents` are all that the
    answer may rest on, by way of earlier answers, too.
    """

    __tablename__ = "turns"
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    abstained: Mapped[bool]
    trace_id: Mapped[str]
    sources: Mapped[list[Any]] = mapped_column(JSON)
    documents: Mapped[list[str]] = mapped_column(JSON)
    at: Mapped[float]
