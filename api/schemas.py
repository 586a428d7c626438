"""The bodies of requests and answers, as the API documents them."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.trace_schemas import CandidateBody, TraceBody, UsageBody
from rag.audit import AuditEntry
from rag.collections import CollectionInfo
from rag.draft import Question
from rag.generations import Progress
from rag.retrieve import Retrieval, explained
from rag.types import (
    Citation,
    Document,
    Done,
    Failure,
    Filters,
    Hit,
    Mode,
    Principal,
    Search,
    Status,
    Turn,
    Version,
)

MAX_QUESTION_CHARS = 4000
COLLECTION_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUESTION_CHARS)]
MetadataValue = str | bool | int | float
CollectionName = Annotated[str, StringConstraints(pattern=COLLECTION_PATTERN)]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TurnBody(Request):
    role: Literal["user", "assistant"]
    content: Annotated[str, StringConstraints(max_length=20_000)]

    def record(self) -> Turn:
        return Turn(role=self.role, content=self.content)


class FiltersBody(Request):
    """Which documents to look at. What is left out does not narrow the search."""

    documents: list[str] = Field(default=[], max_length=100, description="Ids of documents.")
    languages: list[str] = Field(default=[], max_length=20, description="BCP 47 tags, as documents have them.")
    dated_from: date | None = Field(None, description="First day on which it was last changed, or written.")
    dated_to: date | None = Field(None, description="Last day, included.")
    metadata: dict[str, MetadataValue | list[MetadataValue]] = Field(
        default={}, max_length=20, description="Fields of the documents' metadata and a value, or several, to have."
    )

    def record(self) -> Filters:
        return Filters(
            documents=tuple(self.documents),
            languages=tuple(self.languages),
            dated_from=self.dated_from,
            dated_to=self.dated_to,
            metadata={
                name: tuple(value) if isinstance(value, list) else (value,) for name, value in self.metadata.items()
            },
        )


class SearchRequest(Request):
    query: Text
    collections: list[CollectionName] | None = Field(None, description="Where to search; all, if left out.")
    top_k: int = Field(10, ge=1, le=100)
    mode: Mode = Field(Mode.HYBRID, description="Compare meanings (dense), words (lexical), or both.")
    filters: FiltersBody = FiltersBody()
    history: list[TurnBody] = Field(default=[], max_length=50, description="Earlier messages, oldest first.")
    explain: bool = Field(False, description="Tell of every candidate how it was scored and why it is no hit.")

    def record(self, caller: Principal) -> Search:
        return Search(
            text=self.query,
            principal=caller,
            collections=_within(self.collections, caller),
            top_k=self.top_k,
            mode=self.mode,
            filters=self.filters.record(),
            history=[turn.record() for turn in self.history],
        )


def _within(asked: list[str] | None, caller: Principal) -> list[str] | None:
    """Return where to look. Who may look in some collections alone looks in those if the request names none."""
    return sorted(caller.collections) if asked is None and caller.collections is not None else asked


class AskRequest(Request):
    question: Text
    collections: list[CollectionName] | None = Field(None, description="Where to look; everywhere, if left out.")
    conversation_id: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        None, description="The conversation to go on with; left out, one begins."
    )
    history: list[TurnBody] = Field(
        default=[],
        max_length=50,
        description="Earlier messages, oldest first, if the caller keeps them: we do not, then.",
    )
    top_k: int | None = Field(None, ge=1, le=50, description="Passages given to the model.")
    filters: FiltersBody = FiltersBody()
    stream: bool = True
    explain: bool = Field(False, description="Put the answer's trace into `done`.")

    def record(self, caller: Principal, top_k: int) -> Question:
        """Return the question; `top_k` holds where the request names none. Without a history, a conversation begins."""
        return Question(
            text=self.question,
            principal=caller,
            collections=_within(self.collections, caller),
            history=[turn.record() for turn in self.history],
            filters=self.filters.record(),
            conversation_id=self.conversation_id or (None if self.history else uuid4().hex),
            top_k=self.top_k or top_k,
            explain=self.explain,
        )


class ProgressBody(BaseModel):
    done: int
    total: int
    unit: str


class ErrorBody(BaseModel):
    type: str
    title: str
    detail: str

    @classmethod
    def of(cls, failure: Failure | None) -> "ErrorBody | None":
        return cls(type=failure.type, title=failure.title, detail=failure.detail) if failure else None


class VersionBody(BaseModel):
    version: int
    filename: str
    sha256: str
    bytes: int
    status: Status
    stage: str | None
    progress: ProgressBody
    error: ErrorBody | None
    title: str | None
    author: str | None
    written_at: str | None = Field(description="When the document was written, as the file says.")
    modified_at: str | None
    language: str | None
    warnings: list[str] = Field(description="Parts that could not be read, each with its reason.")
    pages: int | None
    chunks: int
    created_at: str

    @classmethod
    def of(cls, version: Version) -> "VersionBody":
        return cls(
            version=version.version,
            filename=version.filename,
            sha256=version.sha256,
            bytes=version.size_bytes,
            status=version.status,
            stage=version.stage,
            progress=ProgressBody(done=version.done, total=version.total, unit=version.unit),
            error=ErrorBody.of(version.failure),
            title=version.title,
            author=version.author,
            written_at=version.written_at,
            modified_at=version.modified_at,
            language=version.language,
            warnings=list(version.warnings),
            pages=version.pages,
            chunks=version.chunks,
            created_at=version.created_at.isoformat(),
        )


class DocumentBody(VersionBody):
    """A document, with the fields of its latest version at the top level."""

    id: str
    collection: str
    source_id: str | None
    source_ids: list[str] = Field(description="All its names; several uploads of the same bytes share a document.")
    serving_version: int | None = Field(description="The version that answers use; none until one is ready.")
    metadata: dict[str, Any]
    access: list[str]
    versions: list[VersionBody]
    duplicate: bool = False
    waiting: str | None = Field(None, description="What it waits for, and whether it is stuck, for people.")

    @classmethod
    def of_document(cls, document: Document, *, duplicate: bool = False) -> "DocumentBody":
        return cls(
            id=document.id,
            collection=document.collection,
            source_id=document.source_id,
            source_ids=list(document.source_ids),
            serving_version=document.serving,
            metadata=document.metadata,
            access=list(document.access),
            versions=[VersionBody.of(version) for version in document.versions],
            duplicate=duplicate,
            **VersionBody.of(document.latest).model_dump(),
        )


class DocumentList(BaseModel):
    documents: list[DocumentBody]
    next_cursor: str | None


class DocumentCounts(BaseModel):
    """By the state of the latest version."""

    total: int
    queued: int = 0
    processing: int = 0
    ready: int = 0
    failed: int = 0


class ChunkBody(BaseModel):
    ordinal: int
    text: str
    page: int | None
    section: str | None
    start: int
    end: int


class HighlightBody(BaseModel):
    page: int
    width: float = Field(description="Of the page, in points.")
    height: float
    rectangles: list[tuple[float, float, float, float]] = Field(
        description="Left, top, right, bottom in points from the page's upper left corner, one a line."
    )


class HitBody(BaseModel):
    chunk_id: str
    document_id: str
    version: int
    title: str
    text: str
    page: int | None
    section: str | None
    start: int = Field(description="First character in the document's extracted text.")
    end: int
    score: float = Field(description="Higher is better, before reranking; comparable between searches of one mode.")
    scores: dict[str, float] = Field(
        description="`dense` is a cosine, `lexical` a share of the words; `rerank`, where there is one, gave the order."
    )

    @classmethod
    def of(cls, hit: Hit) -> "HitBody":
        return cls(**{name: getattr(hit, name) for name in cls.model_fields})


class SourceBody(HitBody):
    n: int

    @classmethod
    def numbered(cls, n: int, hit: Hit) -> "SourceBody":
        return cls(n=n, **HitBody.of(hit).model_dump())


class SearchAnswer(BaseModel):
    hits: list[HitBody]
    took_ms: dict[str, float]
    reranked: bool = Field(description="Whether a reranker gave the order; false, too, if it did not answer.")
    candidates: list[CandidateBody] | None = Field(None, description="With `explain`: all, best first.")

    @classmethod
    def of(cls, found: Retrieval, *, explain: bool) -> "SearchAnswer":
        hits = [HitBody.of(hit) for hit in found.hits]
        candidates = [CandidateBody(**fields) for fields in explained(found)] if explain else None
        return cls(hits=hits, took_ms=found.took_ms, reranked=found.reranked, candidates=candidates)


class CitationBody(BaseModel):
    n: int
    document_id: str
    version: int
    page: int | None
    section: str | None = Field(description="The headings above the quote, ` > ` between them.")
    start: int
    end: int
    quote: str
    supported: bool

    @classmethod
    def of(cls, citation: Citation) -> "CitationBody":
        return cls(**{name: getattr(citation, name) for name in cls.model_fields})


class DoneBody(BaseModel):
    answer: str
    abstained: bool
    citations: list[CitationBody]
    usage: UsageBody
    timings: dict[str, float] = Field(description="Milliseconds since the question came.")
    trace_id: str
    conversation_id: str
    evidence: float = Field(description="How likely the passages were to answer, 0 to 1, before anything was written.")
    generator: str = Field(description="The model that wrote the answer, or `extractive` for quoted passages.")
    trace: TraceBody | None = Field(None, description="With `explain`: how the answer came about.")
    cached: bool = Field(description="Whether it is an answer given before; `usage` is zeros then.")

    @classmethod
    def of(cls, done: Done) -> "DoneBody":
        return cls(
            answer=done.answer,
            abstained=done.abstained,
            citations=[CitationBody.of(citation) for citation in done.citations],
            usage=UsageBody(**vars(done.usage)),
            timings=done.timings_ms,
            trace_id=done.trace_id,
            conversation_id=done.conversation_id,
            evidence=round(done.evidence, 4),
            generator=done.generator,
            trace=TraceBody.of(done.trace) if done.trace else None,
            cached=done.cached,
        )


class GenerationBody(BaseModel):
    id: int
    model: str
    url: str = Field(description="Where its embedder is; empty: the service's own.")
    dimension: int
    state: str = Field(description="building, serving or standby.")
    progress: ProgressBody
    failed: int = Field(description="Documents that it lacks and that nobody works on any more.")

    @classmethod
    def of(cls, progress: Progress) -> "GenerationBody":
        generation = progress.generation
        return cls(
            id=generation.id,
            model=generation.model,
            url=generation.url,
            dimension=generation.dimension,
            state=generation.state,
            progress=ProgressBody(done=progress.done, total=progress.total, unit="documents"),
            failed=progress.failed,
        )


class CollectionBody(BaseModel):
    name: str
    internal: bool = Field(description="Whether its passages are kept from external generators.")
    documents: int = Field(description="Those that the caller may see.")
    chunks: int = Field(description="Passages of these documents.")

    @classmethod
    def of(cls, info: CollectionInfo) -> "CollectionBody":
        return cls(name=info.name, internal=info.internal, documents=info.documents, chunks=info.chunks)


class CollectionList(BaseModel):
    collections: list[CollectionBody]


class CollectionChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    internal: bool = Field(description="Keep its passages from external generators.")


class AuditBody(BaseModel):
    id: int
    at: str
    actor: str
    action: str
    document_id: str
    detail: dict[str, Any]

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditBody":
        return cls(
            id=entry.id,
            at=entry.at.isoformat(),
            actor=entry.actor,
            action=entry.action,
            document_id=entry.document_id,
            detail=entry.detail,
        )
