"""Ask: a question to a cited answer, streamed or whole."""

from functools import partial
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from api.answers import Event
from api.auth import AskerOrVisitor, ServicesDep
from api.live import Live
from api.problems import problem
from api.schemas import AskRequest, CitationBody, DoneBody, SourceBody
from api.services import Services
from api.sse import EventStream, frame, read_whole
from rag.draft import Question
from rag.errors import AnswerGone, Forbidden, RagError, TooManyQuestions
from rag.types import Citation, Done, Sources, Token

router = APIRouter(prefix="/v1", tags=["ask"])
VISITORS_FIELDS = {"question", "collections", "conversation_id", "stream"}


@router.post("/ask", response_model=DoneBody)
async def ask(
    body: AskRequest,
    request: Request,
    services: ServicesDep,
    caller: AskerOrVisitor,
    last_event_id: Annotated[str | None, Header(description="Go on with a broken stream after this event.")] = None,
) -> Response:
    """Answer a question from the documents.

    Streamed (the default) as server-sent events: `sources` once, `token`..., `citation`..., then one `done`
    or one `error`. With `stream: false`, the `done` object alone. Of a site's visitor each question is counted.
    """
    if caller.is_visitor:
        _require_plain(body)
    if last_event_id:
        documents = services.answers.documents(last_event_id, caller.name)
        if await run_sync(services.registry.hidden, documents, caller):
            raise AnswerGone("A document that it may rest on was deleted or closed to you meanwhile. Ask again.")
        trace_id, reader = services.answers.resume(last_event_id, caller.name)
        return EventStream(lambda: reader, partial(_frame, trace_id))
    if body.collections is not None:
        await run_sync(services.registry.require_collections, body.collections, caller)
    if body.conversation_id and not body.history:
        await run_sync(services.conversations.require, body.conversation_id, caller)
    question = body.record(caller, services.settings.retrieve.top_k)
    live = await _begun(question, services)
    reader = live.follow()
    if body.stream:
        return EventStream(lambda: reader, partial(_frame, question.trace_id))
    last = await read_whole(reader, request.receive)
    if isinstance(last, RagError):
        raise last
    return JSONResponse(DoneBody.of(last).model_dump(mode="json")) if isinstance(last, Done) else Response()


def _require_plain(body: AskRequest) -> None:
    """Raise Forbidden for what a visitor may not choose."""
    if others := sorted(body.model_fields_set - VISITORS_FIELDS):
        raise Forbidden(f"A visitor of a site sends {', '.join(sorted(VISITORS_FIELDS))}, not {', '.join(others)}.")


async def _begun(question: Question, services: Services) -> Live[Event]:
    """Begin an answer. A visitor's is counted before; one that cannot be begun now has not been asked."""
    caller = question.principal
    if caller.is_visitor:
        await run_sync(services.visits.count, caller)
    try:
        return services.answers.begin(question, services.answerer.answer(question))
    except TooManyQuestions:
        if caller.is_visitor:
            await run_sync(services.visits.take_back, caller)
        raise


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
