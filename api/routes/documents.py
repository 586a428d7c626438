"""Documents: upload, list, follow, read, delete."""

import json
from collections.abc import AsyncGenerator
from pathlib import PurePath
from typing import Annotated, Any, TypeVar

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, File, Form, Header, Query, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter, ValidationError

from api.auth import Opener, Reader, ServicesDep, Writer
from api.download import send_original
from api.problems import problem
from api.schemas import ChunkBody, CollectionName, DocumentBody, DocumentCounts, DocumentList, HighlightBody
from api.services import Services
from api.sse import event_stream, frame
from ingest.parse.kinds import Kind
from rag.errors import InvalidRequest, RagError
from rag.types import Document, Principal, Status

router = APIRouter(prefix="/v1/documents", tags=["documents"])

FOLLOW_EVERY_S = 0.25
MAX_FILENAME_CHARS = 255
FINAL = {Status.READY, Status.FAILED}
T = TypeVar("T")


@router.post("", status_code=202, responses={200: {"description": "The same bytes are here already."}})
def upload(
    response: Response,
    services: ServicesDep,
    caller: Writer,
    file: Annotated[UploadFile, File()],
    collection: Annotated[CollectionName, Form()] = "default",
    source_id: Annotated[str | None, Form(max_length=1000)] = None,
    metadata: Annotated[str | None, Form(description="JSON object; left out: as the document has it.")] = None,
    access: Annotated[str | None, Form(description="JSON list of groups; left out: as the document has it.")] = None,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> DocumentBody:
    """Store a document and queue it. The same `source_id` again makes a new version of that document."""
    if idempotency_key and (known := services.registry.uploaded_with(caller, idempotency_key)):
        return DocumentBody.of_document(known)
    document, is_new = services.intake.accept(
        file.file,
        _safe_filename(file.filename),
        caller,
        collection=collection,
        source_id=source_id or None,
        metadata=_json(metadata, dict[str, Any], "metadata"),
        access=_json(access, list[str], "access"),
        idempotency_key=idempotency_key,
    )
    if not is_new:
        response.status_code = 200
    return DocumentBody.of_document(document, duplicate=not is_new)


@router.get("")
def list_documents(
    services: ServicesDep,
    caller: Reader,
    collection: str | None = None,
    status: Status | None = None,
    q: str | None = None,
    source_prefix: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DocumentList:
    """List documents, newest first."""
    found, next_cursor = services.registry.documents(
        caller, collection=collection, status=status, q=q, source_prefix=source_prefix, cursor=cursor, limit=limit
    )
    return DocumentList(documents=[DocumentBody.of_document(document) for document in found], next_cursor=next_cursor)


@router.get("/counts")
def count_documents(
    services: ServicesDep, caller: Reader, collection: str | None = None, q: str | None = None
) -> DocumentCounts:
    """Count the documents by the state of their latest version."""
    found = services.registry.counts(caller, collection=collection, q=q)
    return DocumentCounts(total=sum(found.values()), **{str(status): number for status, number in found.items()})


@router.get("/{document_id}")
def get_document(document_id: str, services: ServicesDep, caller: Reader) -> DocumentBody:
    return _with_waiting(services.registry.document(document_id, caller), services)


@router.get("/{document_id}/events", response_class=StreamingResponse)
def follow(document_id: str, services: ServicesDep, caller: Reader) -> StreamingResponse:
    """Stream the document's state as `document` events whenever it changes, until it is ready or failed."""
    services.registry.document(document_id, caller)
    return event_stream(_changes(document_id, services, caller))


@router.get("/{document_id}/chunks")
def list_chunks(document_id: str, services: ServicesDep, caller: Reader) -> list[ChunkBody]:
    """List the serving version's passages in reading order."""
    return [
        ChunkBody(
            ordinal=chunk.ordinal,
            text=chunk.text,
            page=chunk.page,
            section=chunk.section,
            start=chunk.start,
            end=chunk.end,
        )
        for chunk in services.registry.chunks(document_id, caller)
    ]


@router.get("/{document_id}/highlights")
def list_highlights(
    document_id: str,
    services: ServicesDep,
    caller: Opener,
    start: Annotated[int, Query(ge=0)],
    end: Annotated[int, Query(ge=0)],
) -> list[HighlightBody]:
    """List where characters `start` to `end` of the text stand on the pages, for formats that have such places."""
    found = services.registry.highlights(document_id, start, end, caller)
    return [HighlightBody(**vars(highlight)) for highlight in found]


@router.get("/{document_id}/content", response_class=StreamingResponse)
def content(
    document_id: str,
    services: ServicesDep,
    caller: Opener,
    version: Annotated[int | None, Query(description="Left out: the one that answers use, else the latest.")] = None,
    range_header: Annotated[str | None, Header(alias="range")] = None,
) -> Response:
    """Send the original. Only kinds that run nothing in a browser are shown in it; others are downloaded."""
    document = services.registry.document(document_id, caller)
    chosen = document.shown_version(version, caller)
    return send_original(
        services.intake.store,
        sha256=chosen.sha256,
        size_bytes=chosen.size_bytes,
        filename=chosen.filename,
        kind=Kind(chosen.media_type),
        range_header=range_header,
    )


@router.post("/{document_id}/reprocess", status_code=202)
def reprocess(document_id: str, services: ServicesDep, caller: Writer) -> DocumentBody:
    """Ingest the latest version again. What serves now goes on serving until then."""
    document = services.registry.reprocess(document_id, caller)
    services.intake.queue.wake()
    return DocumentBody.of_document(document)


@router.post("/{document_id}/versions/{version}/restore", status_code=202)
def restore(document_id: str, version: int, services: ServicesDep, caller: Writer) -> DocumentBody:
    """Make an earlier version the newest one again. What serves now goes on serving until it is ready."""
    document = services.registry.restore(document_id, version, caller)
    services.intake.queue.wake()
    return DocumentBody.of_document(document)


@router.delete("/{document_id}", status_code=204)
def delete(document_id: str, services: ServicesDep, caller: Writer) -> None:
    """Delete a document: from now on nothing shows it. Its data are removed within seconds."""
    services.registry.delete(document_id, caller)
    services.intake.queue.wake()


def _with_waiting(document: Document, services: Services) -> DocumentBody:
    body = DocumentBody.of_document(document)
    body.waiting = services.registry.waiting(document)
    return body


async def _changes(document_id: str, services: Services, caller: Principal) -> AsyncGenerator[bytes, None]:
    sent: Document | None = None
    while sent is None or sent.latest.status not in FINAL:
        try:
            document = await run_sync(services.registry.document, document_id, caller)
        except RagError as exc:  # deleted while it was followed, or the registry is away
            yield frame("error", problem(exc))
            return
        if document != sent:
            sent = document
            body = await run_sync(_with_waiting, document, services)
            yield frame("document", body.model_dump(mode="json"))
        else:
            await anyio.sleep(FOLLOW_EVERY_S)


def _safe_filename(name: str | None) -> str:
    """Return the last part of a client's path, without control characters."""
    last = PurePath((name or "").replace("\\", "/")).name
    cleaned = "".join(sign for sign in last if sign.isprintable()).strip()[-MAX_FILENAME_CHARS:]
    if not cleaned:
        raise InvalidRequest("file: it has no name.")
    return cleaned


def _json(text: str | None, shape: type[T], field: str) -> T | None:
    """Return what a form field holds. NaN, Infinity and halves of surrogate pairs are no JSON that can be sent back."""
    if text is None:
        return None
    try:
        value = TypeAdapter(shape).validate_python(json.loads(text))
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValidationError, ValueError, RecursionError) as exc:
        raise InvalidRequest(f"{field}: must be JSON of the form {shape}.") from exc
    return value
