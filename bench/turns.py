"""A conversation's second question beside its first: the first token, and what vLLM found in its prefix cache."""

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import Measure, p50
from bench.service import ROOT, Service, start, stop, wait_until

QUESTIONS = 8
LOADING_S = 300
SETTLE_S = 0.5  # the engine is still busy with the answer before
FOLLOW_UP = "What else is said about that?"


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """Seconds from the question to the first token, without the search; the prompt's tokens, those cached."""

    waited_s: float
    prompt_tokens: int
    cached_tokens: int


def run() -> list[Measure]:
    """Ask each question in a conversation of its own, then a follow-up, with vLLM on the CPU and the default prompt."""
    lines = (ROOT / "samples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()[: QUESTIONS + 1]
    unmeasured, *questions = [json.loads(line)["question"] for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("--generator", "vllm-cpu", "--samples", str(ROOT / "samples"))
        service = start(Path(folder), *arguments, RAG_GENERATOR_PROMPT="default")
        try:
            wait_until(lambda: _generator_is_ready(service), LOADING_S)
            _conversation(service, unmeasured)
            asked = [_conversation(service, question) for question in questions]
            pairs = [pair for pair in asked if all(turn.prompt_tokens for turn in pair)]  # the model was asked
        finally:
            stop(service)
    first, second = p50([one.waited_s for one, _ in pairs]), p50([two.waited_s for _, two in pairs])
    cached = sum(two.cached_tokens for _, two in pairs) / sum(two.prompt_tokens for _, two in pairs)
    return [
        Measure(
            name="turns.first_token.first", value=first * 1000, unit="ms", n=len(pairs), note="p50, after the search"
        ),
        Measure(
            name="turns.first_token.second",
            value=second * 1000,
            unit="ms",
            n=len(pairs),
            reference=first * 1000,
            note="p50, after the search; reference: the first question's; limit 0.3",
        ),
        Measure(name="turns.cached_share", value=cached, unit="of the second prompt's tokens", n=len(pairs)),
    ]


def _conversation(service: Service, question: str) -> tuple[_Turn, _Turn]:
    first, conversation_id = _ask(service, {"question": question})
    second, _ = _ask(service, {"question": FOLLOW_UP, "conversation_id": conversation_id})
    return first, second


def _ask(service: Service, body: dict[str, str]) -> tuple[_Turn, str]:
    time.sleep(SETTLE_S)
    name, found_at, first_at = "", 0.0, 0.0
    done: dict[str, Any] = {}
    with service.http.stream("POST", "/v1/ask", json=body) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            name = line[7:] if line.startswith("event: ") else name
            if line.startswith("data: "):
                found_at = found_at or time.perf_counter()
                first_at = first_at or (time.perf_counter() if name == "token" else 0.0)
                done = json.loads(line[6:]) if name == "done" else done
    usage = done["usage"]
    turn = _Turn(
        waited_s=first_at - found_at, prompt_tokens=usage["prompt_tokens"], cached_tokens=usage["cached_tokens"]
    )
    return turn, str(done["conversation_id"])


def _generator_is_ready(service: Service) -> bool:
    return bool(service.http.get("/readyz").json()["checks"]["generator"]["status"] == "ok")
