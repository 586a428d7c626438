"""An engine that writes at a set pace without a model: OpenAI's API for what the service asks of it.

Run as `python -m bench.stub_engine PORT [TOKENS_A_SECOND]`. Each stream keeps to its own clock and does not drift. It
repeats words of the prompt, so that its citations hold, and tells how many streams run as vLLM does.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

MODEL = "stub"
TOKENS_PER_S = 40.0
SENTENCE_WORDS = 12
_HEAD = {"id": "chatcmpl-0123456789abcdef", "object": "chat.completion.chunk", "created": 1764000000, "model": MODEL}


class StubEngine:
    """The ASGI app. `running` counts the streams that it writes to now."""

    def __init__(self, tokens_per_s: float = TOKENS_PER_S) -> None:
        self.running = 0
        self._tokens_per_s = tokens_per_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"].endswith("/chat/completions"):
            await self._complete(await _body(receive), receive, send)
        elif scope["path"].endswith("/metrics"):
            await _answer(send, "text/plain", f'vllm:num_requests_running{{engine="0"}} {self.running}.0\n'.encode())
        else:
            await _answer(send, "application/json", json.dumps({"data": [{"id": MODEL}]}).encode())

    async def _complete(self, body: dict[str, Any], receive: Receive, send: Send) -> None:
        """Write token k at k / tokens_per_s seconds from now, until the end or until the reader leaves."""
        gone = asyncio.ensure_future(_gone(receive))
        self.running += 1
        try:
            await _start(send, "text/event-stream")
            loop, count = asyncio.get_running_loop(), int(body["max_tokens"])
            began = loop.time()
            for number, chunk in enumerate(_chunks(str(body["messages"][-1]["content"]), count), 1):
                await asyncio.sleep(max(0.0, began + number / self._tokens_per_s - loop.time()))
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": _end(count)})
        finally:
            self.running -= 1
            gone.cancel()


def _chunks(prompt: str, count: int) -> Iterator[bytes]:
    """Yield a token's event each: words of the longest line of the prompt, in sentences that cite the first source."""
    words = [word.strip(".[]") or "and" for word in max(prompt.splitlines(), key=len).split()]
    for number, word in enumerate(islice(cycle(words), count), 1):
        text = f" {word} [1]." if number % SENTENCE_WORDS == 0 else f" {word}"
        choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
        yield f"data: {json.dumps(_HEAD | {'choices': [choice]})}\n\n".encode()


def _end(count: int) -> bytes:
    usage = {"prompt_tokens": 1000, "completion_tokens": count, "total_tokens": 1000 + count}
    return f"data: {json.dumps(_HEAD | {'choices': [], 'usage': usage})}\n\ndata: [DONE]\n\n".encode()


async def _body(receive: Receive) -> dict[str, Any]:
    content, more = b"", True
    while more:
        message = await receive()
        content, more = content + message.get("body", b""), message.get("more_body", False)
    body: dict[str, Any] = json.loads(content)
    return body


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _answer(send: Send, content_type: str, content: bytes) -> None:
    await _start(send, content_type)
    await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    engine = StubEngine(float(sys.argv[2]) if len(sys.argv) > 2 else TOKENS_PER_S)
    uvicorn.run(engine, host="127.0.0.1", port=int(sys.argv[1]), lifespan="off", log_level="error", access_log=False)
