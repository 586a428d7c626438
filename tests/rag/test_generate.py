"""The generator's client, against a real local server that speaks OpenAI's streaming API, well and badly."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from rag.errors import GeneratorUnavailable
from rag.generate import Generator
from rag.prompt import Prompt
from rag.settings import GeneratorSettings
from rag.types import Token, Usage
from tests.http_server import Answer, Exchange, Server, serving

PROMPT = Prompt(
    version="1", system="", user="", temperature=0.5, stop=["\n"], sentences=0, extra={"add_special_tokens": True}
)
ASKED = [{"role": "user", "content": "How many days?"}]
MODELS = {"data": [{"id": "small-model"}, {"id": "other-model"}]}


def delta(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


USAGE = {
    "choices": [],
    "usage": {"prompt_tokens": 12, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 8}},
}


def begin(exchange: Exchange, *events: dict[str, Any] | str) -> None:
    exchange.start(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
    for event in events:
        data = event if isinstance(event, str) else json.dumps(event)
        exchange.send_chunk(f"data: {data}\n\n".encode())


def answering(answer: Answer) -> dict[str, Answer]:
    return {"/v1/models": lambda exchange: exchange.send_json(MODELS), "/v1/chat/completions": answer}


def streaming(*events: dict[str, Any] | str) -> dict[str, Answer]:
    """Answer with these events and a clean end of the body."""

    def answer(exchange: Exchange) -> None:
        begin(exchange, *events)
        exchange.send_chunk(b"")

    return answering(answer)


def generated(url: str, **settings: Any) -> list[Token | Usage | str]:
    """Return what the stream yields; a GeneratorUnavailable comes last, as its text."""

    async def collect() -> list[Token | Usage | str]:
        generator = Generator(GeneratorSettings(url=url, **settings))
        pieces: list[Token | Usage | str] = []
        try:
            async with aclosing(generator.stream(PROMPT, ASKED)) as stream:
                async for piece in stream:
                    pieces.append(piece)  # what came before an error counts
        except GeneratorUnavailable as exc:
            pieces.append(exc.detail)
        await generator.close()
        return pieces

    return anyio.run(collect)


@pytest.fixture
def refused() -> Iterator[str]:
    """The address of a port that nothing listens on."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{closed.getsockname()[1]}/v1"


def test_the_stream_yields_the_pieces_and_then_the_usage() -> None:
    with serving(streaming(delta(""), delta("Six"), delta(" days."), USAGE, "[DONE]")) as server:
        pieces = generated(server.url)

    assert pieces == [
        Token(text="Six"),
        Token(text=" days."),
        Usage(prompt_tokens=12, completion_tokens=2, cached_tokens=8),
    ]


def test_the_request_holds_the_messages_the_prompts_settings_and_the_first_model_that_the_engine_lists() -> None:
    with serving(streaming("[DONE]")) as server:
        generated(server.url, answer_tokens=99)

    assert server.seen[-1].body == {
        "model": "small-model",
        "messages": ASKED,
        "temperature": 0.5,
        "stop": ["\n"],
        "max_tokens": 99,
        "stream": True,
        "stream_options": {"include_usage": True},
        "add_special_tokens": True,
    }


def test_a_set_model_and_key_are_sent_and_the_engine_is_not_asked_for_its_models() -> None:
    with serving(streaming("[DONE]")) as server:
        generated(server.url, model="my-model", api_key="s3cret")

    assert [(request.path, request.body["model"]) for request in server.seen] == [("/v1/chat/completions", "my-model")]
    assert server.seen[0].headers["Authorization"] == "Bearer s3cret"


def test_a_stream_that_breaks_half_way_raises_after_the_pieces_that_came() -> None:
    with serving(answering(lambda exchange: begin(exchange, delta("Six")))) as server:
        pieces = generated(server.url)

    assert pieces[0] == Token(text="Six")
    assert "RemoteProtocolError" in str(pieces[1])


def test_a_stream_that_ends_without_its_end_mark_is_not_taken_for_a_whole_answer() -> None:
    with serving(streaming(delta("Six"))) as server:
        pieces = generated(server.url)

    assert pieces[0] == Token(text="Six")
    assert "[DONE]" in str(pieces[1])


def test_an_error_that_the_engine_reports_within_the_stream_is_raised() -> None:
    failed = {"error": {"message": "EngineDeadError", "code": 500}}
    with serving(streaming(delta("Six"), failed, "[DONE]")) as server:
        pieces = generated(server.url)

    assert pieces[0] == Token(text="Six")
    assert "EngineDeadError" in str(pieces[1])


def test_an_engine_that_answers_500_is_unavailable() -> None:
    with serving(answering(lambda exchange: exchange.send_json({"error": "no memory"}, 500))) as server:
        pieces = generated(server.url, api_key="s3cret")

    assert len(pieces) == 1
    assert "500" in str(pieces[0])
    assert "s3cret" not in str(pieces[0])


def test_an_answer_that_is_no_stream_is_unavailable() -> None:
    with serving(answering(lambda exchange: exchange.send_json({"choices": []}))) as server:
        pieces = generated(server.url)

    assert "SSEError" in str(pieces[0])


@pytest.mark.parametrize("event", ["{", "[]", '{"choices": 7}'])
def test_an_event_that_is_not_openais_is_unavailable(event: str) -> None:
    with serving(streaming(event, "[DONE]")) as server:
        pieces = generated(server.url)

    assert len(pieces) == 1
    assert server.url in str(pieces[0])


def test_an_engine_that_refuses_the_connection_is_unavailable_and_named(refused: str) -> None:
    pieces = generated(refused, model="my-model")

    assert len(pieces) == 1
    assert str(pieces[0]).startswith(f"{refused}: ConnectError")


def test_an_engine_that_lists_no_model_is_unavailable() -> None:
    with serving({"/v1/models": lambda exchange: exchange.send_json({"data": []})}) as server:
        pieces = generated(server.url)

    assert "IndexError" in str(pieces[0])


def test_an_engine_that_falls_silent_is_given_up_after_the_set_time() -> None:
    def answer(exchange: Exchange) -> None:
        begin(exchange, delta("Six"))
        server.ending.wait()

    with serving(answering(answer)) as server:
        pieces = generated(server.url, timeout_s=0.1)

    assert pieces[0] == Token(text="Six")
    assert "ReadTimeout" in str(pieces[1])


def test_closing_the_stream_closes_the_engines_connection() -> None:
    noticed = threading.Event()

    def answer(exchange: Exchange) -> None:
        try:
            begin(exchange, delta("Six"))
            while not server.ending.wait(0.01):
                exchange.send_chunk(b": waiting\n\n")
        except OSError:
            noticed.set()

    async def leave(server: Server) -> None:
        generator = Generator(GeneratorSettings(url=server.url))
        async with aclosing(generator.stream(PROMPT, ASKED)) as stream:
            await anext(stream)

    with serving(answering(answer)) as server:
        anyio.run(leave, server)
        assert noticed.wait(timeout=30)


def test_ping_tells_the_model_of_an_engine_that_answers_now(refused: str) -> None:
    async def ping(url: str) -> str:
        return await Generator(GeneratorSettings(url=url)).ping()

    with serving(streaming()) as server:
        assert anyio.run(ping, server.url) == "small-model"
    with pytest.raises(GeneratorUnavailable):
        anyio.run(ping, refused)


@pytest.mark.parametrize(
    ("metrics", "queue"),
    [
        (
            'vllm:num_requests_running{engine="0"} 2.0\nvllm:num_requests_waiting{engine="0"} 3.0\n'
            'vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 3.0\n',
            5,
        ),
        ("llamacpp:requests_processing 1\nllamacpp:requests_deferred 2\n", 3),
        ("# HELP vllm:num_requests_running Number of requests\n", None),
    ],
)
def test_the_queue_is_what_the_engines_metrics_say(metrics: str, queue: int | None) -> None:
    def send(exchange: Exchange) -> None:
        exchange.start(200, "text/plain", {"Content-Length": str(len(metrics))})
        exchange.handler.wfile.write(metrics.encode())

    async def ask(url: str) -> int | None:
        return await Generator(GeneratorSettings(url=url)).queue()

    with serving({"/metrics": send}) as server:
        assert anyio.run(ask, server.url) == queue
