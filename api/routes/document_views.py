"""What a document looks like: its text, some at a time, and pictures of its pages."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from api.auth import Opener, ServicesDep
from rag.types import Text

router = APIRouter(prefix="/v1/documents", tags=["documents"])


class TextBody(BaseModel):
    document_id: str
    version: int
    title: str | None
    filename: str
    media_type: str
    pages: int | None
    serving: bool = Field(description="Whether answers use this version.")
    text: str
    start: int = Field(description="Where `text` begins in the whole, in characters, as citations count them.")
    end: int
    total_chars: int

    @classmethod
    def of(cls, text: Text) -> "TextBody":
        return cls(
            document_id=text.document.id,
            version=text.version.version,
            title=text.version.title,
            filename=text.version.filename,
            media_type=text.version.media_type,
            pages=text.version.pages,
            serving=text.document.serving == text.version.version,
            text=text.text,
            start=text.start,
            end=text.start + len(text.text),
            total_chars=text.total_chars,
        )


@router.get("/{document_id}/text")
def read_text(
    document_id: str,
    services: ServicesDep,
    caller: Opener,
    version: Annotated[int | None, Query(description="Left out: the one that answers use, else the latest.")] = None,
    start: Annotated[int, Query(ge=0)] = 0,
    length: Annotated[int, Query(ge=1, le=200_000)] = 20_000,
) -> TextBody:
    """Return some of the text that was read from a document."""
    return TextBody.of(services.registry.text(document_id, caller, version, start, length))


@router.get(
    "/{document_id}/pages/{n}",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, 304: {"description": "As it was."}},
)
def show_page(
    document_id: str,
    n: int,
    services: ServicesDep,
    caller: Opener,
    version: Annotated[int | None, Query(description="Left out: the one that answers use, else the latest.")] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Draw a page of a PDF, from 1. Browsers keep it, and ask each time whether it may still be shown."""
    document = services.registry.document(document_id, caller)
    chosen = document.shown_version(version, caller)
    headers = {"ETag": f'"{chosen.sha256}-{n}"', "Cache-Control": "private, no-cache"}
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(services.pictures.page(chosen, n), media_type="image/png", headers=headers)
