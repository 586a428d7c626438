"""Ask: a question to a cited answer, streamed or whole."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from api.auth import Asker, ServicesDep
from api.problems import problem
from api.schemas import AskRequest, CitationBody, DoneBody, SourceBody
from api.services import Services
from api.sse import event_stream, frame
from rag.draft import Question
from rag.errors import RagError
from rag.types import AnswerEvent, Citation, Done, Sources, Token

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1", tags=["ask"])


@router.post("/ask", response_model=DoneBody)
async def ask(body: AskRequest, services: ServicesDep, caller: Asker) -> Response:
    """Answer a question from the documents.

    Streamed (the default) as server-sent events: `sources` once, `token`..., `citation`..., then one `done`
    or one `error`. With `stream: false`, the `done` object alone.
    """
    if body.collections is not None:
        services.registry.require_collections(body.collections)
    question = body.record(caller, services.settings.retrieve.top_k)
    if body.stream:
        return event_stream(_frames(question, services))
    async with aclosing(services.answerer.answer(question)) as events:
        *_, done = [event async for event in events]
    assert isinstance(done, Done)  # noqa: S101  # what every answer ends with
    return JSONResponse(DoneBody.of(done).model_dump(mode="json"))


async def _frames(question: Question, services: Services) -> AsyncGenerator[bytes, None]:
    """An error after the stream has begun goes out as its last event."""
    try:
        async with aclosing(services.answerer.answer(question)) as events:
            async for event in events:
                yield _frame(event)
    except RagError as exc:
        yield frame("error", problem(exc))
    except Exception:
        log.exception("unexpected error in an answer")
        yield frame("error", problem(RagError("An unexpected error; the service's log has its cause.")))


def _frame(event: AnswerEvent) -> bytes:
    match event:
        case Sources(hits=hits):
            numbered = [SourceBody.numbered(n, hit).model_dump(mode="json") for n, hit in enumerate(hits, start=1)]
            return frame("sources", {"sources": numbered})
        case Token(text=text):
            return frame("token", {"text": text})
        case Citation():
            return frame("citation", CitationBody.of(event).model_dump(mode="json"))
        case Done():
            return frame("done", DoneBody.of(event).model_dump(mode="json"))
