"""Server-sent events: event frames, and heartbeats while nothing happens."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import anyio
from starlette.responses import StreamingResponse

HEARTBEAT_S = 10.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def frame(event: str, data: Any) -> bytes:
    """Return one event; JSON holds no line break, so one data line is enough."""
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def event_stream(frames: AsyncIterator[bytes]) -> StreamingResponse:
    """Return a response that sends `frames` as they come, and is ended by the reader's leaving."""
    return StreamingResponse(_with_heartbeat(frames), media_type="text/event-stream", headers=HEADERS)


async def _with_heartbeat(frames: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield `frames`, and a comment whenever none came for HEARTBEAT_S, so that proxies keep the connection."""
    sender, receiver = anyio.create_memory_object_stream[bytes](max_buffer_size=0)

    async def pump() -> None:
        async with sender:
            async for item in frames:
                await sender.send(item)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pump)
        while True:
            try:
                with anyio.fail_after(HEARTBEAT_S):
                    item = await receiver.receive()
            except TimeoutError:
                item = b": still here\n\n"
            except anyio.EndOfStream:
                return
            yield item
