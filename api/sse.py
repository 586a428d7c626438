"""Server-sent events: event frames, heartbeats while nothing happens, and an end for a reader who reads nothing."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.live import Live, Reader

T = TypeVar("T")
HEARTBEAT_S = 10.0
STUCK_S = 30.0  # a reader whose connection takes nothing for so long is given up
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
COMMENT = b": still here\n\n"


def frame(event: str, data: Any, event_id: str = "") -> bytes:
    """Return one event; JSON holds no line break, so one data line is enough."""
    name = f"id: {event_id}\n" if event_id else ""
    return f"{name}event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode(errors="replace")


def event_stream(frames: AsyncGenerator[bytes, None], heartbeat_s: float = HEARTBEAT_S) -> StreamingResponse:
    """Return a response that sends `frames` as they come, and closes them when the reader leaves."""
    return EventStream(lambda: Live(frames).follow(), lambda _, sent: sent, heartbeat_s)


class EventStream(StreamingResponse, Generic[T]):
    """Sends what a reader reads, all that is there in one write, as pure ASGI.

    A comment goes out whenever nothing came for `heartbeat_s`, so that proxies keep the connection.
    """

    def __init__(
        self, follow: Callable[[], Reader[T]], write: Callable[[int, T], bytes], heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        """`follow` is called in the event loop when the response begins; `write` turns a numbered event into bytes."""
        super().__init__((), media_type="text/event-stream", headers=HEADERS)
        self._follow, self._write, self._heartbeat_s = follow, write, heartbeat_s

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        reader, loop = self._follow(), asyncio.get_running_loop()
        leaving = asyncio.create_task(_left(receive))
        try:
            async with asyncio.timeout(None) as limit:
                leaving.add_done_callback(lambda _: _hurry(limit))
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                while (batch := await reader.batch(self._heartbeat_s)) is not None:
                    body = b"".join([self._write(number, event) for number, event in batch]) or COMMENT
                    limit.reschedule(loop.time() + STUCK_S)
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                    if leaving.done():
                        return
                    limit.reschedule(None)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (OSError, TimeoutError):  # the reader left, or reads nothing
            pass
        finally:
            reader.close()
            leaving.cancel()


def _hurry(limit: asyncio.Timeout) -> None:
    with suppress(RuntimeError):  # the response has ended already
        limit.reschedule(asyncio.get_running_loop().time())


async def _left(receive: Receive) -> None:
    """Return when the reader leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_whole(reader: Reader[T], receive: Receive) -> T | None:
    """Return a stream's last event; None if the reader leaves before it."""
    leaving = asyncio.create_task(_left(receive))
    last: T | None = None
    try:
        while (batch := await reader.batch(patience_s=0.5)) is not None:
            if leaving.done():
                return None
            last = batch[-1][1] if batch else last
        return last
    finally:
        reader.close()
        leaving.cancel()
