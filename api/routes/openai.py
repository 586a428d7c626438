"""OpenAI's chat API over the same answers as `/v1/ask`, for any client that knows it.

Its clients append what they are sent and cannot take it back, so nothing is sent before it is checked.
"""

import json
import time
from collections.abc import AsyncGenerator
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from api.auth import Asker, ServicesDep
from api.cited import begun, cited, finished, source_lines, without_images, without_source_lines
from api.openai_errors import OpenAIRoute, Refused, error_body, known
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
from api.sse import event_stream
from rag.types import AnswerEvent, Done, Sources

EVERYTHING = "attest"
HISTORY, TURN_CHARS = 50, 20_000  # what `/v1/ask` takes
router = APIRouter(prefix="/v1", tags=["openai"], route_class=OpenAIRoute)


@router.get("/models")
def models(services: ServicesDep, _caller: Asker) -> ModelList:
    """List what may be asked: `attest` is all collections, `attest/NAME` one of them."""
    return ModelList(data=[ModelBody(id=name) for name in _collections(services)])


@router.get("/models/{model:path}")
def model(model: str, services: ServicesDep, _caller: Asker) -> ModelBody:
    """Return one model."""
    _collection(model, services)
    return ModelBody(id=model)


@router.post("/chat/completions", response_model=ChatCompletion)
async def complete(body: ChatRequest, services: ServicesDep, caller: Asker) -> Response:
    """Answer the last user message from the documents, as `/v1/ask` does; the check comes before the first word.

    The sources are listed after the answer and, as objects, in `citations`. Messages of the roles `system`,
    `developer`, `tool` and `function` are not read.
    """
    _require_served(body)
    collections = await run_sync(_collection, body.model, services)
    asked = _request(body.messages, collections).record(caller, services.settings.retrieve.top_k)
    events = services.answerer.answer(asked)
    sources = await begun(events)
    head = {"id": f"chatcmpl-{asked.trace_id}", "created": int(time.time()), "model": body.model}
    if body.stream:
        with_usage = bool(body.stream_options and body.stream_options.include_usage)
        return event_stream(_chunks(head, sources, events, with_usage=with_usage))
    done = await finished(events)
    extra = _extra(sources, done)
    whole = ChatCompletion(
        **head,
        **extra.model_dump(),
        choices=[Choice(message=ChatMessage(content=without_images(done.answer) + source_lines(extra.citations)))],
        usage=ChatUsage.of(done.usage),
    )
    return JSONResponse(whole.model_dump(mode="json"))


async def _chunks(
    head: dict[str, Any], sources: Sources, events: AsyncGenerator[AnswerEvent, None], *, with_usage: bool
) -> AsyncGenerator[bytes, None]:
    """Yield a chunk that says who speaks, at once; the answer and its sources, once checked; what OpenAI has not."""

    def chunk(*choices: dict[str, Any], **fields: Any) -> bytes:
        usage = {"usage": None} if with_usage else {}
        return _data({**head, "object": "chat.completion.chunk", "choices": choices} | usage | fields)

    yield chunk(_choice({"role": "assistant", "content": ""}))
    try:
        done = await finished(events)
    except Exception as exc:  # noqa: BLE001  # logged, and told as OpenAI does
        yield _data(error_body(known(exc)))
        return
    extra = _extra(sources, done)
    yield chunk(_choice({"content": without_images(done.answer)}))
    if lines := source_lines(extra.citations):
        yield chunk(_choice({"content": lines}))
    yield chunk(_choice({}, "stop"), **extra.model_dump(mode="json"))
    if with_usage:
        yield chunk(usage=ChatUsage.of(done.usage).model_dump())
    yield b"data: [DONE]\n\n"


def _choice(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _data(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def _extra(sources: Sources, done: Done) -> Extra:
    citations = cited(sources, done)
    return Extra(citations=citations, abstained=done.abstained, generator=done.generator, trace_id=done.trace_id)


def _collections(services: Services) -> dict[str, str | None]:
    """Return the collection that each model stands for; None: all."""
    named = {f"{EVERYTHING}/{name}": name for name in sorted(services.registry.collections())}
    return {EVERYTHING: None} | named


def _collection(model: str, services: Services) -> list[str] | None:
    """Return the collections that a model stands for."""
    known_models = _collections(services)
    if model not in known_models:
        detail = f"There is no model {model!r}. `{EVERYTHING}` asks all collections; GET /v1/models lists the others."
        raise Refused(detail, "model", "model_not_found", 404)
    collection = known_models[model]
    return None if collection is None else [collection]


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
        if message.role != "system" and (text := without_source_lines(message.text))
    ]
    return AskRequest(question=question, collections=collections, history=earlier[-HISTORY:])
