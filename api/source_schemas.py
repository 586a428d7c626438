"""The bodies of requests and answers about sources, as the API documents them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.schemas import CollectionName, Request
from rag.sources import NewSource, Source, SourceKind

DAY_S = 86_400.0
NAMES_SHOWN = 100

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
SourceId = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Grace = Annotated[float, Field(ge=0, description="Seconds for which something is missing before it is deleted.")]


class UrlRequest(Request):
    url: Url
    collection: CollectionName = "default"
    source_id: SourceId | None = Field(None, description="Left out: the URL where the redirects end.")
    metadata: dict[str, Any] | None = Field(None, description="Left out: as the document has it.")
    access: list[str] | None = Field(None, description="List of groups; left out: as the document has it.")


class MissingReport(Request):
    collection: CollectionName = "default"
    prefix: SourceId = Field(description="What the folder's `source_id`s begin with.")
    source_ids: list[SourceId] = Field(description="All documents under the prefix that the folder does not have.")
    grace_s: Grace = DAY_S


class MissingResult(BaseModel):
    deleted: list[str] = Field(description="Ids of the documents that were missing for too long.")


class SourceOptions(Request):
    depth: int = Field(0, ge=0, le=20, description="Links to follow from the first page; 0: that page alone.")
    rate: float = Field(1.0, gt=0, le=50, description="Most requests a second.")
    max_pages: int = Field(1000, ge=1, le=100_000, description="A source with more is read in part, and says so.")
    include: list[str] = Field(default=[], max_length=50, description="Patterns, one of which a URL or path must fit.")
    exclude: list[str] = Field(default=[], max_length=50, description="Patterns that a URL or path must not fit.")


class SourceRequest(Request):
    kind: Literal["web", "sitemap", "bucket", "folder"]
    location: Url = Field(description="URL, s3://BUCKET/FOLDER, or an absolute path on the worker's machine.")
    collection: CollectionName = "default"
    access: list[str] = Field(default=[], description="Groups that its documents are for; none: everybody.")
    options: SourceOptions = SourceOptions()
    interval_s: float | None = Field(None, ge=60, description="Seconds between two runs; left out: only when asked.")
    grace_s: Grace = DAY_S

    def record(self) -> NewSource:
        return NewSource(
            kind=SourceKind(self.kind),
            location=self.location,
            collection=self.collection,
            access=tuple(self.access),
            options=self.options.model_dump(),
            interval_s=self.interval_s,
            grace_s=self.grace_s,
        )


class RunErrorBody(BaseModel):
    key: str
    type: str
    detail: str


class RunBody(BaseModel):
    started_at: str
    ended_at: str
    complete: bool = Field(
        description="False: part of the source could not be read, so that nothing counts as missing."
    )
    new: int
    changed: int
    unchanged: int
    missing: int = Field(description="Not there any more, but not yet for as long as `grace_s`.")
    deleted: int
    failed: int
    errors: list[RunErrorBody] = Field(description="The first 50.")

    @classmethod
    def of(cls, run: dict[str, Any]) -> "RunBody":
        return cls(**run | {name: _iso(run[name]) for name in ("started_at", "ended_at")})


class RegisteredSource(BaseModel):
    id: str
    kind: SourceKind
    location: str
    collection: str
    access: list[str]
    options: dict[str, Any]
    interval_s: float | None
    grace_s: float
    status: Literal["running", "waiting"]
    created_at: str
    next_run_at: str | None
    last_run: RunBody | None

    @classmethod
    def of(cls, source: Source) -> "RegisteredSource":
        return cls(
            id=source.id,
            kind=source.kind,
            location=source.location,
            collection=source.collection,
            access=list(source.access),
            options=source.options,
            interval_s=source.interval_s,
            grace_s=source.grace_s,
            status="running" if source.is_running else "waiting",
            created_at=_iso(source.created_at),
            next_run_at=None if source.next_run_at is None else _iso(source.next_run_at),
            last_run=None if source.last_run is None else RunBody.of(source.last_run),
        )


class SourceList(BaseModel):
    sources: list[RegisteredSource]


class HeldDocuments(BaseModel):
    """The documents of a source that no other source has: those that `documents=delete` takes along."""

    total: int
    source_ids: list[str] = Field(description="By name, the first 100.")

    @classmethod
    def of(cls, held: Mapping[str, str]) -> "HeldDocuments":
        return cls(total=len(held), source_ids=sorted(held)[:NAMES_SHOWN])


def _iso(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat()
