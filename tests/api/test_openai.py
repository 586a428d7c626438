"""OpenAI's stream while an answer is written: nothing of it is sent before it is checked."""

import json
from collections.abc import AsyncGenerator

import anyio

from api.answers import Event
from api.live import Live
from api.routes.openai import _chunks
from rag.errors import IndexUnavailable
from rag.types import Done, Sources, Token, Usage

HEAD = {"id": "chatcmpl-1", "created": 0, "model": "attest"}
DONE = Done(
    answer="The check took the claim out of this answer; these are eleven words.",
    abstained=False,
    citations=(),
    generator="small",
    usage=Usage(),
    trace_id="1",
    conversation_id="",
    evidence=1.0,
)


async def ending_with(last: Event) -> AsyncGenerator[Event, None]:
    yield Sources(hits=(), numbers=())
    yield Token(text="A false claim.")
    yield last


def sent(last: Event) -> list[str]:
    """Return the data of a stream, in order."""

    async def read() -> list[str]:
        live = Live(ending_with(last))
        frames = [frame async for frame in _chunks(HEAD, live, live.follow(), with_usage=False)]
        return [frame.decode().removeprefix("data: ").strip() for frame in frames]

    return anyio.run(read)


def test_what_the_check_takes_out_is_never_sent() -> None:
    *chunks, end = sent(DONE)

    pieces = [json.loads(chunk)["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(pieces) == DONE.answer
    assert len([piece for piece in pieces if piece]) == 2
    assert end == "[DONE]"


def test_an_error_is_the_last_that_a_stream_holds() -> None:
    *_, last = sent(IndexUnavailable("Chroma does not answer."))

    assert json.loads(last)["error"]["code"] == "index-unavailable"
    assert "false claim" not in "".join(sent(IndexUnavailable("Chroma does not answer.")))
