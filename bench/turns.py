"""A conversation's later questions beside its first: the first token, and what vLLM found in its prefix cache."""

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
SHORT: dict[str, Any] = {"RAG_GENERATOR_ANSWER_TOKENS": "32"}  # the rest of an answer tells nothing
AGAIN, ELSE = "Say it in other words: ", "What else is said about that?"


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """Seconds from the question to the first token, without the search; the prompt's tokens, those cached."""

    waited_s: float
    prompt_tokens: int
    cached_tokens: int


def run() -> list[Measure]:
    """Begin a conversation with each question and ask two more there: vLLM on the CPU, the default prompt."""
    lines = (ROOT / "samples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()[: QUESTIONS + 1]
    unmeasured, *questions = [json.loads(line)["question"] for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("--generator", "vllm-cpu", "--samples", str(ROOT / "samples"))
        service = start(Path(folder), *arguments, RAG_GENERATOR_PROMPT="default", **SHORT)
        try:
            wait_until(lambda: _generator_is_ready(service), LOADING_S)
            _conversation(service, unmeasured)
            conversations = [_conversation(service, question) for question in questions]
        finally:
            stop(service)
    asked = [turns for turns in conversations if all(turn.prompt_tokens for turn in turns)]  # the model was asked
    first = p50([turns[0].waited_s for turns in asked])
    return [
        Measure(
            name="turns.first_token.first", value=first * 1000, unit="ms", n=len(asked), note="p50, after the search"
        ),
        *_figures("same", [turns[1] for turns in asked], first, "a second question about the same passages; limit 0.3"),
        *_figures("other", [turns[2] for turns in asked], first, "a third one, about whatever else is found"),
    ]


def _figures(name: str, turns: list[_Turn], first_s: float, note: str) -> list[Measure]:
    cached = sum(turn.cached_tokens for turn in turns) / sum(turn.prompt_tokens for turn in turns)
    return [
        Measure(
            name=f"turns.first_token.{name}",
            value=p50([turn.waited_s for turn in turns]) * 1000,
            unit="ms",
            n=len(turns),
            reference=first_s * 1000,
            note=f"p50, after the search, of {note}; reference: the first question's",
        ),
        Measure(name=f"turns.cached_share.{name}", value=cached, unit="of the prompt's tokens", n=len(turns)),
    ]


def _conversation(service: Service, question: str) -> list[_Turn]:
    first, key = _ask(service, {"question": question})
    return [first, *(_ask(service, {"question": text, "conversation_id": key})[0] for text in (AGAIN + question, ELSE))]


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
