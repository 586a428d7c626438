"""Ask: a question to a cited answer, streamed or whole."""

from functools import partial
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from api.answers import Event
from api.auth import Asker, ServicesDep
from api.live import Live
from api.problems import problem
from api.schemas import AskRequest, CitationBody, DoneBody, SourceBody
from api.sse import EventStream, frame, read_whole
from rag.errors import AnswerGone, RagError
from rag.types import Citation, Done, Sources, Token

router = APIRouter(prefix="/v1", tags=["ask"])


@router.post("/ask", response_model=DoneBody)
async def ask(
    body: AskRequest,
    request: Request,
    services: ServicesDep,
    caller: Asker,
    last_event_id: Annotated[str | None, Header(description="Go on with a broken stream after this event.")] = None,
) -> Response:
    """Answer a question from the documents.

    Streamed (the default) as server-sent events: `sources` once, `token`..., `citation`..., then one `done`
    or one `error`. With `stream: false`, the `done` object alone.
    """
    if last_event_id:
        documents = services.answers.documents(last_event_id, caller.name)
        if await run_sync(services.registry.hidden, documents, caller):
            raise AnswerGone("A document that it may rest on was deleted or closed to you meanwhile. Ask again.")
        trace_id, reader = services.answers.resume(last_event_id, caller.name)
        return EventStream(lambda: reader, partial(_frame, trace_id))
    if body.collections is not None:
        await run_sync(services.registry.require_collections, body.collections)
    if body.conversation_id and not body.history:
        await run_sync(services.conversations.require, body.conversation_id, caller)
    question = body.record(caller, services.settings.retrieve.top_k)
    live: Live[Event] = services.answers.begin(question, services.answerer.answer(question))
    reader = live.follow()
    if body.stream:
        return EventStream(lambda: reader, partial(_frame, question.trace_id))
    last = await read_whole(reader, request.receive)
    if isinstance(last, RagError):
        raise last
    return JSONResponse(DoneBody.of(last).model_dump(mode="json")) if isinstance(last, Done) else Response()


def _frame(trace_id: str, number: int, event: Event) -> bytes:
    event_id = f"{trace_id}-{number}"
    match event:
        case Token(text=text):
            return frame("token", {"text": text}, event_id)
        case Sources(hits=hits, numbers=numbers):
            pairs = zip(numbers, hits, strict=True)
            numbered = [SourceBody.numbered(n, hit).model_dump(mode="json") for n, hit in pairs]
            return frame("sources", {"sources": numbered}, event_id)
        case Citation():
            return frame("citation", CitationBody.of(event).model_dump(mode="json"), event_id)
        case Done():
            return frame("done", DoneBody.of(event).model_dump(mode="json"), event_id)
        case RagError():
            return frame("error", problem(event), event_id)
