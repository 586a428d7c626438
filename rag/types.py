"""The records that travel between stages. Frozen, keyword-only, without behaviour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rag.errors import DocumentNotFound

if TYPE_CHECKING:
    from rag.trace import Trace


class Status(StrEnum):
    """Where a version of a document stands. `ready` and `failed` are final."""

    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    DELETING = "deleting"


class Scope(StrEnum):
    """What a caller may do. `admin` includes the others; `visit` is a visitor's of a site alone, never a key's."""

    ASK = "ask"
    SEARCH = "search"
    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_WRITE = "documents:write"
    ADMIN = "admin"
    VISIT = "visit"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks: the key's name, scopes, and the groups and collections (None: all) whose documents it may see.

    `label` is the name for people.
    """

    name: str
    scopes: frozenset[Scope]
    groups: frozenset[str] = frozenset()
    collections: frozenset[str] | None = None
    label: str = field(default="", compare=False)

    @property
    def is_admin(self) -> bool:
        return Scope.ADMIN in self.scopes

    @property
    def is_visitor(self) -> bool:
        return Scope.VISIT in self.scopes

    def reaches(self, collection: str) -> bool:
        """Whether the collection is one of this caller's, whatever of it the caller may see."""
        return self.collections is None or collection in self.collections

    def may_see(self, access: Sequence[str], collection: str) -> bool:
        """Whether something of a collection, for these groups or with none for everybody, is for this caller."""
        return self.reaches(collection) and (not access or self.is_admin or not self.groups.isdisjoint(access))


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a version failed: the error's type and title, and what to do."""

    type: str
    title: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Version:
    """One upload of a document. `done` and `total` count `unit`s of the current stage."""

    document_id: str
    version: int
    filename: str
    sha256: str
    size_bytes: int
    media_type: str
    status: Status
    stage: str | None
    done: int
    total: int
    unit: str
    failure: Failure | None
    title: str | None
    author: str | None
    written_at: str | None
    modified_at: str | None
    language: str | None
    warnings: tuple[str, ...]
    pages: int | None
    chunks: int
    attempts: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document, its names in other systems and its versions, oldest first.

    `serving` is the version that answers use, if any.
    """

    id: str
    collection: str
    source_ids: tuple[str, ...]
    serving: int | None
    metadata: dict[str, Any]
    access: tuple[str, ...]
    versions: tuple[Version, ...]

    @property
    def latest(self) -> Version:
        return self.versions[-1]

    def version(self, number: int) -> Version:
        """Raise DocumentNotFound if there is none of this number."""
        for version in self.versions:
            if version.version == number:
                return version
        raise DocumentNotFound(f"Document {self.id} has no version {number}.")

    def shown_version(self, number: int | None, principal: Principal) -> Version:
        """Return the version of this number; for None the one that answers use, else the latest.

        Visitors of a site are shown the one that answers use alone. Raise DocumentNotFound if there is none.
        """
        chosen = self.version(number or self.serving or self.latest.version)
        if principal.is_visitor and chosen.version != self.serving:
            raise DocumentNotFound(f"Document {self.id} has no version {chosen.version} that answers use.")
        return chosen

    @property
    def source_id(self) -> str | None:
        return self.source_ids[0] if self.source_ids else None


@dataclass(frozen=True, kw_only=True)
class Generation:
    """An index filled by one embedding model: how to reach the model, and what the index is called.

    `model` is the packaged model's name, a folder, or the name under which the engine at `url` serves it; an
    empty `url` is the service's own embedder. `max_tokens` is the longest passage that the model reads whole.
    """

    model: str
    url: str
    query_prefix: str
    passage_prefix: str
    send_input_type: bool
    dimension: int
    max_tokens: int
    id: int = 0
    index_name: str = ""
    state: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Block:
    """A run of a document's text that shares one page and one heading path.

    `header` is a table's header row: it travels with every chunk of the table, but is not quoted again.
    `boxes` says where each character stands on its page, or is empty: per character of `text` four
    little-endian uint16 (left, top, right, bottom) in tenths of a point from the page's upper left corner
    as a reader sees it; four zeros for a character that is not on the page, such as a line break.
    """

    text: str
    page: int | None = None
    section: tuple[str, ...] = ()
    is_table: bool = False
    header: str = ""
    boxes: bytes = b""


@dataclass(frozen=True, kw_only=True)
class ParsedDocument:
    """A document's title and blocks in reading order; `pages` is None where the format has none.

    `page_sizes` are (width, height) in points, page 1 first, for formats whose blocks have boxes. Dates are
    ISO 8601 as the file states them, `language` is a BCP 47 tag. `warnings` name the parts that could not be
    read, each with its reason: a password-protected attachment, a page whose OCR failed.
    """

    title: str
    blocks: tuple[Block, ...]
    pages: int | None = None
    page_sizes: tuple[tuple[float, float], ...] = ()
    author: str | None = None
    created_at: str | None = None
    modified_at: str | None = None
    language: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A passage: `text == extracted[start:end]`, within one page and one section.

    `context` (title, heading path, a table's header row) is embedded with the text and never quoted.
    """

    ordinal: int
    text: str
    context: str
    page: int | None
    section: str | None
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """What ingesting reads from an original: its text, cut into chunks, and what else the file says of itself.

    `boxes` are those of `rag.types.Block`, for every character of `text`, or empty.
    """

    title: str
    text: str
    chunks: tuple[Chunk, ...]
    pages: int | None = None
    page_sizes: tuple[tuple[float, float], ...] = ()
    boxes: bytes = b""
    author: str | None = None
    created_at: str | None = None
    modified_at: str | None = None
    language: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Text:
    """Some of the text that was read from a version: `text` begins at character `start` of `total_chars`."""

    document: Document
    version: Version
    text: str
    start: int
    total_chars: int


class Mode(StrEnum):
    """What a search compares: meanings by vectors, words, or both."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which documents a search may look at, beside the caller's rights. What is left out does not narrow it.

    `metadata` maps a field to the values of which it must have one. Dates are compared with the day on which the
    document says that it was last changed, or written, both ends included.
    """

    documents: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    dated_from: date | None = None
    dated_to: date | None = None
    metadata: Mapping[str, tuple[str | float | bool, ...]] = field(default_factory=dict)


ANY_DOCUMENT = Filters()


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked for, by whom, where (None: all collections). `history` is what was said before, oldest first."""

    text: str
    principal: Principal
    top_k: int
    collections: Sequence[str] | None = None
    mode: Mode = Mode.HYBRID
    filters: Filters = ANY_DOCUMENT
    history: Sequence["Turn"] = ()


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A chunk found for a query. `score` is that of the search's mode, higher is better.

    dense: cosine similarity, -1 to 1. lexical: BM25 as a share of what a chunk of all the query's words gets, 0 to
    about 1. hybrid: the weighted sum of both, and what following a name adds. `scores` has its parts by name.
    """

    chunk_id: str
    document_id: str
    version: int
    title: str
    text: str
    context: str
    page: int | None
    section: str | None
    start: int
    end: int
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NumberedHit:
    """A hit as the prompt holds it, under the number `n`; its text is put together from the chunks `chunk_ids`."""

    n: int
    hit: Hit
    chunk_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Citation:
    """A mark [n] in an answer, checked: `quote` is the source's text at [start, end)."""

    n: int
    document_id: str
    version: int
    page: int | None
    section: str | None = None
    start: int
    end: int
    quote: str
    supported: bool


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One earlier message of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens as the engine counted them; zeros when no model was called."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Sources:
    """First event of an answer: what it may rest on, each with its number; the hits of this question come first."""

    hits: tuple[Hit, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Token:
    """A piece of the answer as the model writes it."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Done:
    """Last event of an answer. `answer` replaces what was streamed, should the check have changed it.

    `trace` is there where the question asked for it.
    `evidence` is how likely, 0 to 1, the passages were to answer, before anything was written.
    `cached`: it was given before; `usage` is zeros then.
    """

    answer: str
    abstained: bool
    citations: tuple[Citation, ...]
    generator: str
    usage: Usage
    trace_id: str
    conversation_id: str
    evidence: float
    timings_ms: dict[str, float] = field(default_factory=dict)
    trace: "Trace | None" = None
    cached: bool = False


AnswerEvent = Sources | Token | Citation | Done
