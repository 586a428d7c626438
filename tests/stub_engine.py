"""An engine that speaks OpenAI's streaming API as vLLM does, with an answer that the test says, and its faults.

Run as a program, `python -m tests.stub_engine PORT`, it writes slowly until it is killed.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.http_server import Answer, Exchange, Server, serving

WORDS = ("Everyone", " has", " six", " days", " of", " leave", " [1].")


@dataclass(kw_only=True)
class Behaviour:
    """How the engine answers; a test may change it while it runs. It breaks off after `breaks_after` words.

    With `left` it does not end its answer, and sets that when its client has left.
    """

    words: tuple[str, ...] = WORDS
    owned_by: str = "vllm"
    status: int = 200
    breaks_after: int | None = None
    queue: int | None = 0
    left: threading.Event | None = None
    before_word: Callable[[int], object] = lambda _n: None


def _chat(behaviour: Behaviour) -> Answer:
    def answer(exchange: Exchange) -> None:
        if behaviour.status != 200:
            return exchange.send_json({"error": {"message": "no"}}, behaviour.status)
        words = list(behaviour.words)
        if exchange.body.get("continue_final_message"):
            written = exchange.body["messages"][-1]["content"]
            words = ["".join(words)[len(written) :]]
        exchange.start(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        for n, word in enumerate(words):
            behaviour.before_word(n)
            if n == behaviour.breaks_after:
                return None
            _send(exchange, {"choices": [{"index": 0, "delta": {"content": word}}]})
        if behaviour.left:
            return _wait_until_left(exchange, behaviour.left)
        _send(exchange, {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": len(words)}})
        exchange.send_chunk(b"data: [DONE]\n\n")
        return exchange.send_chunk(b"")

    return answer


def _send(exchange: Exchange, event: dict[str, Any]) -> None:
    exchange.send_chunk(f"data: {json.dumps(event)}\n\n".encode())


def _wait_until_left(exchange: Exchange, left: threading.Event) -> None:
    try:
        for _ in range(1000):
            exchange.send_chunk(b": waiting\n\n")
            time.sleep(0.01)
    except OSError:
        left.set()


@contextmanager
def stub_engine(behaviour: Behaviour | None = None, *, model: str = "small-model", port: int = 0) -> Iterator[Server]:
    """Serve on a port of the loopback address until the test is over."""
    said = behaviour or Behaviour()

    def models(exchange: Exchange) -> None:
        exchange.send_json({"data": [{"id": model, "owned_by": said.owned_by}]})

    def metrics(exchange: Exchange) -> None:
        if said.queue is None:
            return exchange.send_json({}, 404)
        content = f'# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{{engine="0"}} {said.queue}.0\n'
        exchange.start(200, "text/plain", {"Content-Length": str(len(content))})
        exchange.handler.wfile.write(content.encode())
        return None

    answers = {"/v1/models": models, "/metrics": metrics, "/v1/chat/completions": _chat(said)}
    with serving(answers, port=port) as server:
        yield server


def asked(server: Server) -> list[dict[str, Any]]:
    """Return the bodies of the answers that it was asked for."""
    return [exchange.body for exchange in server.seen if exchange.path == "/v1/chat/completions"]


if __name__ == "__main__":
    with stub_engine(Behaviour(before_word=lambda n: time.sleep(60 if n == 3 else 0)), port=int(sys.argv[1])):
        time.sleep(60)
