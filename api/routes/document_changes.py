"""What is changed of documents that are there: one, or many at once; and what may be uploaded."""

import json
import shutil
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints, model_validator

from api.auth import CollectionReader, ServicesDep, Writer
from api.problems import problem
from api.schemas import CollectionName, DocumentBody, ErrorBody, Request
from api.services import Services
from ingest.parse.kinds import EXTENSIONS, Kind
from ingest.parse.libreoffice import PROGRAMS
from rag.errors import InvalidRequest, RagError
from rag.types import Principal

router = APIRouter(prefix="/v1", tags=["documents"])
Group = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class DocumentChange(Request):
    """What is left out stays as it is."""

    metadata: dict[str, Any] | None = None
    access: list[Group] | None = Field(None, max_length=100, description="Groups that may see it; none: everybody.")
    collection: CollectionName | None = Field(None, description="Where it is moved to.")


class BatchRequest(Request):
    action: Literal["reprocess", "delete", "move", "access"]
    ids: list[str] = Field(min_length=1, max_length=500)
    collection: CollectionName | None = Field(None, description="For `move`.")
    access: list[Group] | None = Field(None, max_length=100, description="For `access`.")

    @model_validator(mode="after")
    def _is_whole(self) -> "BatchRequest":
        needed = {"move": self.collection, "access": self.access}.get(self.action, self.action)
        if needed is None:
            raise ValueError(f"{self.action} needs `{'collection' if self.action == 'move' else 'access'}`")
        return self


class BatchFailure(BaseModel):
    id: str
    error: ErrorBody


class BatchResult(BaseModel):
    done: list[str]
    failed: list[BatchFailure]


class MissingTool(BaseModel):
    extensions: list[str]
    needs: str


class Limits(BaseModel):
    max_upload_bytes: int
    extensions: list[str] = Field(description="Of the files that are read. Others are told by their content.")
    missing: list[MissingTool] = Field(description="Kinds whose program this machine, as far as known, does not have.")


@router.patch("/documents/{document_id}")
def change(document_id: str, services: ServicesDep, caller: Writer, body: DocumentChange) -> DocumentBody:
    """Change a document's metadata, who may see it, or its collection; all of it or nothing."""
    _require_json(body.metadata)
    document = services.registry.change(document_id, caller, **body.model_dump())
    services.intake.queue.wake()
    return DocumentBody.of_document(document)


@router.post("/documents/batch")
def change_many(services: ServicesDep, caller: Writer, body: BatchRequest) -> BatchResult:
    """Do the same with many documents. What cannot be done of them is told, and stops nothing."""
    act = _action(body, services, caller)
    result = BatchResult(done=[], failed=[])
    for document_id in dict.fromkeys(body.ids):
        try:
            act(document_id)
            result.done.append(document_id)
        except RagError as exc:
            error = ErrorBody(type=problem(exc)["type"], title=exc.title, detail=exc.detail)
            result.failed.append(BatchFailure(id=document_id, error=error))
    services.intake.queue.wake()
    return result


def _action(body: BatchRequest, services: Services, caller: Principal) -> Callable[[str], object]:
    registry = services.registry
    match body.action:
        case "reprocess":
            return lambda key: registry.reprocess(key, caller)
        case "delete":
            return lambda key: registry.delete(key, caller)
        case "move":
            return lambda key: registry.change(key, caller, collection=body.collection)
        case "access":
            return lambda key: registry.change(key, caller, access=body.access)


@router.get("/limits")
def limits(services: ServicesDep, caller: CollectionReader) -> Limits:
    """Tell what may be uploaded."""
    del caller
    old = sorted(extension for extension, kind in EXTENSIONS.items() if kind in {Kind.DOC, Kind.PPT})
    has_office = any(shutil.which(program) for program in PROGRAMS)
    return Limits(
        max_upload_bytes=services.settings.api.max_upload_bytes,
        extensions=sorted(EXTENSIONS),
        missing=[] if has_office else [MissingTool(extensions=old, needs="LibreOffice")],
    )


def _require_json(metadata: dict[str, Any] | None) -> None:
    """NaN and halves of surrogate pairs are no JSON that can be sent back."""
    try:
        json.dumps(metadata, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as exc:
        raise InvalidRequest("metadata: must be a JSON object.") from exc
