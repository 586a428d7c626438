"""Sources: a page by its URL, and places that are read again and again."""

from collections.abc import Mapping
from typing import Literal

from fastapi import APIRouter, Response

from api.auth import ServicesDep, Writer
from api.schemas import DocumentBody
from api.services import Services
from api.source_schemas import (
    HeldDocuments,
    MissingReport,
    MissingResult,
    RegisteredSource,
    SourceList,
    SourceRequest,
    UrlRequest,
)
from ingest.sources.register import register
from rag.errors import DocumentNotFound, FetchFailed
from rag.types import Principal

router = APIRouter(prefix="/v1", tags=["sources"])


@router.post("/documents/url", status_code=202, responses={200: {"description": "The page is here as it is."}})
def ingest_url(response: Response, services: ServicesDep, caller: Writer, body: UrlRequest) -> DocumentBody:
    """Fetch a page and queue it as a document. The same URL again makes a new version if the page has changed."""
    if not services.fetching.acquire(blocking=False):
        raise FetchFailed("Other pages are being fetched for other callers. Try again in a moment.")
    try:
        page = services.fetcher.get(body.url)
    finally:
        services.fetching.release()
    assert page.file is not None  # nothing was said of an earlier state  # noqa: S101
    with page.file as file:
        document, is_new = services.intake.accept(
            file,
            page.filename,
            caller,
            collection=body.collection,
            source_id=body.source_id or page.url,
            metadata=body.metadata,
            access=body.access,
        )
    if not is_new:
        response.status_code = 200
    return DocumentBody.of_document(document, duplicate=not is_new)


@router.post("/documents/missing")
def report_missing(services: ServicesDep, caller: Writer, body: MissingReport) -> MissingResult:
    """Say which documents under a prefix of `source_id` their folder no longer has: all of them, each time.

    A document that is missing for longer than `grace_s` is deleted; one that is not named any more is there again.
    """
    overdue = services.sources.report_missing(body.collection, body.prefix, body.source_ids, body.grace_s, caller)
    return MissingResult(deleted=_delete(services, overdue, caller))


@router.post("/sources", status_code=201)
def add_source(services: ServicesDep, caller: Writer, body: SourceRequest) -> RegisteredSource:
    """Register a source and read it at once; folders and buckets need the scope `admin`."""
    folders = services.settings.sources.folders
    return RegisteredSource.of(register(services.sources, body.record(), folders, caller))


@router.get("/sources")
def list_sources(services: ServicesDep, caller: Writer) -> SourceList:
    """List the sources, oldest first, each with its last run."""
    return SourceList(sources=[RegisteredSource.of(source) for source in services.sources.all(caller)])


@router.get("/sources/{source_id}")
def get_source(source_id: str, services: ServicesDep, caller: Writer) -> RegisteredSource:
    return RegisteredSource.of(services.sources.get(source_id, caller))


@router.get("/sources/{source_id}/documents")
def list_held(source_id: str, services: ServicesDep, caller: Writer) -> HeldDocuments:
    """Tell which documents would go with the source if it were removed with `documents=delete`."""
    return HeldDocuments.of(services.sources.held(source_id, caller))


@router.post("/sources/{source_id}/run", status_code=202)
def run_source(source_id: str, services: ServicesDep, caller: Writer) -> RegisteredSource:
    """Read a source now, and not only when it is due."""
    return RegisteredSource.of(services.sources.run_now(source_id, caller))


@router.delete("/sources/{source_id}", status_code=204)
def remove_source(
    source_id: str, services: ServicesDep, caller: Writer, documents: Literal["keep", "delete"] = "keep"
) -> None:
    """Forget a source; its documents stay, unless `documents=delete`."""
    held = services.sources.remove(source_id, caller)
    if documents == "delete":
        _delete(services, held, caller)


def _delete(services: Services, held: Mapping[str, str], caller: Principal) -> list[str]:
    """Take these names from their documents, which go with their last one; return the ids of those still there."""
    deleted = []
    for source_id, document_id in held.items():
        try:
            services.registry.release(document_id, source_id, caller)
        except DocumentNotFound:
            continue
        deleted.append(document_id)
    services.intake.queue.wake()
    return deleted
