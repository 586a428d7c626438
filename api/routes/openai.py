"""OpenAI's chat API over the same answers as `/v1/ask`, for any client that knows it.

Its clients append what they are sent and cannot take it back, so nothing is sent before it is checked: until then a
stream holds comments alone.
"""

import json
import re
import time
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.answers import Event
from api.auth import Asker, ServicesDep
from api.cited import Checked, begun, checked, finished, source_lines, without_images, without_source_lines
from api.live import Live, Reader
from api.openai_errors import OpenAIRoute, Refused, error_body
from api.openai_schemas import (
    ChatCompletion,
    ChatMessage,
    ChatRequest,
    ChatUsage,
    Choice,
    Extra,
    MessageBody,
    ModelBody,
    ModelList,
)
from api.schemas import MAX_QUESTION_CHARS, AskRequest, TurnBody
from api.services import Services
from api.sse import event_stream, read_whole
from rag.errors import CollectionNotFound, RagError
from rag.types import Principal

EVERYTHING = "attest"
HISTORY, TURN_CHARS = 50, 20_000  # what `/v1/ask` takes
PIECE_WORDS = 8
_WORD = re.compile(r"\s*\S+|\s+")
router = APIRouter(prefix="/v1", tags=["openai"], route_class=OpenAIRoute)


@router.get("/models")
def models(services: ServicesDep, caller: Asker) -> ModelList:
    """List what may be asked: `attest` is all collections, `attest/NAME` one that has documents for the caller."""
    named = [f"{EVERYTHING}/{collection.name}" for collection in services.collections.all(caller)]
    return ModelList(data=[ModelBody(id=name) for name in [EVERYTHING, *named]])


@router.get("/models/{model:path}")
def model(model: str, services: ServicesDep, caller: Asker) -> ModelBody:
    """Return one model."""
    _collections(model, services, caller)
    return ModelBody(id=model)


@router.post("/chat/completions", response_model=ChatCompletion)
async def complete(body: ChatRequest, request: Request, services: ServicesDep, caller: Asker) -> Response:
    """Answer the last user message from the documents, as `/v1/ask` does; the check comes before the first word.

    The sources are listed after the answer and, as objects, in `citations`. Messages of the roles `system`,
    `developer`, `tool` and `function` are not read.
    """
    _require_served(body)
    asked = _request(body.messages, await run_sync(_collections, body.model, services, caller))
    # OpenAI's clients send the whole conversation each time: there is none to keep.
    question = replace(asked.record(caller, services.settings.retrieve.top_k), conversation_id=None)
    live: Live[Event] = services.answers.begin(question, services.answerer.answer(question))
    reader = live.follow()
    head = {"id": f"chatcmpl-{question.trace_id}", "created": int(time.time()), "model": body.model}
    if body.stream:
        try:
            await begun(live, reader)
        except BaseException:
            reader.close()
            raise
        with_usage = bool(body.stream_options and body.stream_options.include_usage)
        return event_stream(_chunks(head, live, reader, with_usage=with_usage))
    if await read_whole(reader, request.receive) is None:
        return Response()
    answer = checked(live.events)
    whole = ChatCompletion(
        **head,
        **_extra(answer).model_dump(),
        choices=[Choice(message=ChatMessage(content=_text(answer)))],
        usage=ChatUsage.of(answer.done.usage),
    )
    return JSONResponse(whole.model_dump(mode="json"))


async def _chunks(
    head: dict[str, Any], live: Live[Event], reader: Reader[Event], *, with_usage: bool
) -> AsyncGenerator[bytes, None]:
    """Yield a chunk that says who speaks, at once; the answer and its sources, once checked; what OpenAI has not."""

    def chunk(*choices: dict[str, Any], **fields: Any) -> bytes:
        usage = {"usage": None} if with_usage else {}
        return _data({**head, "object": "chat.completion.chunk", "choices": choices} | usage | fields)

    with closing(reader):
        yield chunk(_choice({"role": "assistant", "content": ""}))
        try:
            answer = await finished(live, reader)
        except RagError as exc:
            yield _data(error_body(exc))
            return
        for piece in _pieces(_text(answer)):
            yield chunk(_choice({"content": piece}))
        yield chunk(_choice({}, "stop"), **_extra(answer).model_dump(mode="json"))
        if with_usage:
            yield chunk(usage=ChatUsage.of(answer.done.usage).model_dump())
        yield b"data: [DONE]\n\n"


def _text(answer: Checked) -> str:
    """Return what is shown: the answer, then its sources, if it has any."""
    return without_images(answer.done.answer) + source_lines(answer.citations)


def _pieces(text: str) -> list[str]:
    words = _WORD.findall(text)
    return ["".join(words[at : at + PIECE_WORDS]) for at in range(0, len(words), PIECE_WORDS)]


def _choice(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _data(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def _extra(answer: Checked) -> Extra:
    done = answer.done
    return Extra(citations=answer.citations, abstained=done.abstained, generator=done.generator, trace_id=done.trace_id)


def _collections(model: str, services: Services, caller: Principal) -> list[str] | None:
    """Return the collections that a model stands for; None: all."""
    prefix, _, name = model.partition("/")
    try:
        if model == EVERYTHING:
            return None
        if prefix == EVERYTHING:
            services.registry.require_collections([name], caller)
            return [name]
    except CollectionNotFound:
        pass
    detail = f"There is no model {model!r}. `{EVERYTHING}` asks all collections; GET /v1/models lists the others."
    raise Refused(detail, "model", "model_not_found", 404)


def _require_served(body: ChatRequest) -> None:
    """Refuse what would silently be missing from the answer."""
    if (body.n or 1) > 1:
        raise Refused("There is one answer to a question: leave `n` out.", "n")
    if body.tools or body.functions:
        raise Refused("Attest calls no tools: leave them out.", "tools" if body.tools else "functions")
    if (body.response_format or {}).get("type", "text") != "text":
        raise Refused("Answers are text with marks for citations; no other format is offered.", "response_format")
    if body.logprobs:
        raise Refused("Answers come without log probabilities.", "logprobs")


def _request(messages: list[MessageBody], collections: list[str] | None) -> AskRequest:
    """Return the same question to `/v1/ask`. Earlier messages are cut to what it takes, not refused."""
    spoken = [(i, message) for i, message in enumerate(messages) if message.role in {"user", "assistant"}]
    for i, message in spoken:
        if isinstance(message.content, list) and any(part.type != "text" for part in message.content):
            raise Refused("Questions are text: leave images, sound and files out.", f"messages.{i}.content")
    last = max((at for at, (_, message) in enumerate(spoken) if message.role == "user"), default=None)
    question = spoken[last][1].text.strip() if last is not None else ""
    if not 1 <= len(question) <= MAX_QUESTION_CHARS:
        limit = f"It has {len(question):,} characters; a question has 1 to {MAX_QUESTION_CHARS:,}."
        raise Refused(f"The last user message is the question. {limit}", "messages")
    earlier = [
        TurnBody(role=message.role, content=text[:TURN_CHARS])
        for _, message in spoken[:last]
        if (text := without_source_lines(message.text))
    ]
    return AskRequest(question=question, collections=collections, history=earlier[-HISTORY:])
