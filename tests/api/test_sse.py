"""Event streams: frames, heartbeats, and a reader who leaves."""

import json
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import anyio
import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.responses import StreamingResponse
from starlette.types import Message

from api.sse import event_stream, frame


@contextmanager
def served(response: StreamingResponse) -> Iterator[str]:
    """Send one response from a real server."""
    app = FastAPI()
    app.add_api_route("/", lambda: response, response_class=StreamingResponse)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()


async def frames(*data: str, pause_s: float = 0) -> AsyncGenerator[bytes, None]:
    for text in data:
        await anyio.sleep(pause_s)
        yield frame("token", {"text": text})


def test_a_frame_is_one_line_of_json_whatever_the_text_holds() -> None:
    sent = frame("token", {"text": "six\ndays\r\n\n“für”"})

    assert sent.decode().splitlines()[0] == "event: token"
    assert sent.endswith(b"\n\n")
    assert sent.count(b"\n") == 3
    assert json.loads(sent.decode().splitlines()[1].removeprefix("data: ")) == {"text": "six\ndays\r\n\n“für”"}
    assert "für" in sent.decode()


def test_a_stream_sends_its_frames_in_order_and_ends() -> None:
    with served(event_stream(frames("a", "b", "c"))) as url:
        response = httpx.get(url)

    assert response.content == frame("token", {"text": "a"}) + frame("token", {"text": "b"}) + frame(
        "token", {"text": "c"}
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-accel-buffering"] == "no"


def test_comments_keep_a_silent_stream_open_and_no_frame_is_lost() -> None:
    with served(event_stream(frames("a", "b", pause_s=0.2), heartbeat_s=0.02)) as url:
        lines = httpx.get(url).text.splitlines()

    assert lines.count(": still here") >= 2
    assert [line for line in lines if line.startswith("data")] == ['data: {"text": "a"}', 'data: {"text": "b"}']


@pytest.mark.parametrize("pause_s", [0.0, 60.0], ids=["while it sends", "while it waits"])
def test_a_reader_who_leaves_ends_the_stream_and_what_feeds_it(
    pause_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    ended = threading.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            yield frame("token", {"text": "a"})
            while True:
                await anyio.sleep(pause_s)
                yield frame("token", {"text": "b" * 10_000})
        finally:
            ended.set()

    with served(event_stream(endless())) as url, httpx.stream("GET", url) as response:
        next(response.iter_bytes())
        response.close()

        assert ended.wait(timeout=30)
    assert caplog.messages == []


def test_a_reader_who_leaves_without_reading_ends_what_feeds_the_stream() -> None:
    """The connection is full: the response waits in its sending when the reader goes."""
    ended, full = threading.Event(), anyio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield frame("token", {"text": "a"})
        finally:
            ended.set()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            full.set()
            await anyio.sleep_forever()

    async def receive() -> Message:
        await full.wait()
        return {"type": "http.disconnect"}

    async def respond() -> bool:
        response = event_stream(endless())
        await response({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
        await anyio.sleep(0.1)
        return ended.is_set()

    assert anyio.run(respond)
