"""Reads many answers at once and notes when each token came.

Run as `python -m bench.stream_reader URL BODY STREAMS RAMP_S FILE`: a process of its own, on bare sockets, so that it
takes as little as can be of the cores that it shares with what it measures. Writes one JSON object a stream:
`first_s`, `gaps_s`, `tokens`, `ended`; of a refused one `status` and `took_s`.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

TOKENS = (b"event: token\n", b'"delta": {"content"')  # ours, OpenAI's
ENDS = (b"event: done\n", b"event: error\n", b"data: [DONE]\n")


class Reader(asyncio.Protocol):
    """One question and its stream. `over` is done when the connection has ended or nothing is left to come."""

    def __init__(self, request: bytes) -> None:
        self._request, self._rest = request, b""
        self._began = self._last = 0.0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.status, self.first_s, self.tokens, self.ended = 0, 0.0, 0, ""
        self.gaps_s: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.status = self.status or int(data[9:12])
        seen = self._rest + data
        if came := sum(seen.count(mark) for mark in TOKENS):
            self._count(came, now)
        for mark in ENDS:
            if mark in seen:
                self.ended = mark.decode().strip()
        tail = max(seen.rfind(b"\n\n") + 2, len(seen) - 200) if came or len(seen) > 4000 else 0
        self._rest = seen[tail:]
        if self.status != 200:
            self._last = now
        if self.ended or self.status != 200:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def _count(self, came: int, now: float) -> None:
        if self.tokens:
            self.gaps_s.append(now - self._last)
        else:
            self.first_s = now - self._began
        self._last = now
        self.tokens += came

    def result(self) -> dict[str, object]:
        if self.status != 200:
            return {"status": self.status, "took_s": self._last - self._began}
        return {"first_s": self.first_s, "gaps_s": self.gaps_s, "tokens": self.tokens, "ended": self.ended}


async def read(url: str, body: bytes, streams: int, ramp_s: float) -> list[dict[str, object]]:
    """Open the streams one after the other within `ramp_s` seconds and read each to its end."""
    parts = urlsplit(url)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    loop, readers = asyncio.get_running_loop(), []
    for _ in range(streams):
        _, reader = await loop.create_connection(lambda: Reader(request), str(parts.hostname), int(parts.port or 80))
        readers.append(reader)
        await asyncio.sleep(ramp_s / streams)
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(reader.over for reader in readers)), timeout=120)
    return [reader.result() for reader in readers]


if __name__ == "__main__":
    found = uvloop.run(read(sys.argv[1], sys.argv[2].encode(), int(sys.argv[3]), float(sys.argv[4])))
    Path(sys.argv[5]).write_text("\n".join(json.dumps(result) for result in found), encoding="utf-8")
