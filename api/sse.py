"""Server-sent events: event frames, and heartbeats while nothing happens."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.responses import StreamingResponse
from starlette.types import Send

HEARTBEAT_S = 10.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def frame(event: str, data: Any) -> bytes:
    """Return one event; JSON holds no line break, so one data line is enough."""
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def event_stream(frames: AsyncGenerator[bytes, None], heartbeat_s: float = HEARTBEAT_S) -> StreamingResponse:
    """Return a response that sends `frames` as they come, and closes them when the reader leaves.

    A comment goes out whenever none came for `heartbeat_s`, so that proxies keep the connection.
    """
    return _EventStream(frames, heartbeat_s)


class _EventStream(StreamingResponse):
    def __init__(self, frames: AsyncGenerator[bytes, None], heartbeat_s: float) -> None:
        super().__init__(frames, media_type="text/event-stream", headers=HEADERS)
        self._frames, self._heartbeat_s = frames, heartbeat_s

    async def stream_response(self, send: Send) -> None:
        """Send until the frames end. A generator could not hold the tasks: it may be closed from another one."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sender, receiver = anyio.create_memory_object_stream[bytes](max_buffer_size=0)
        async with receiver, anyio.create_task_group() as tasks:
            tasks.start_soon(self._pump, sender)
            async for item in self._with_heartbeat(receiver):
                await send({"type": "http.response.body", "body": item, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pump(self, sender: MemoryObjectSendStream[bytes]) -> None:
        async with sender, aclosing(self._frames):
            async for item in self._frames:
                await sender.send(item)

    async def _with_heartbeat(self, receiver: MemoryObjectReceiveStream[bytes]) -> AsyncGenerator[bytes, None]:
        while True:
            item = b": still here\n\n"
            with anyio.move_on_after(self._heartbeat_s):
                try:
                    item = await receiver.receive()
                except anyio.EndOfStream:
                    return
            yield item
