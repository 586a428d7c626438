"""Time to the first token through the service, beside bare vLLM with the same prompt plus the search itself."""

import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import httpx

from bench.measure import Measure, p50
from bench.service import ROOT, Service, start, stop, wait_until
from rag.language import question_language
from rag.prompt import Message, asked, load_prompt, numbered_passages, system_messages
from rag.settings import Settings
from rag.types import Hit, NumberedHit

QUESTIONS = 8
REPEATS = 5
LOADING_S = 300
SETTLE_S = 0.5  # the engine is still busy with a reader who has just left


def run() -> list[Measure]:
    """Ask each question REPEATS times, warm on both sides, with vLLM on the CPU and the default prompt."""
    lines = (ROOT / "samples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()[:QUESTIONS]
    questions = [json.loads(line)["question"] for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("--generator", "vllm-cpu", "--samples", str(ROOT / "samples"))
        service = start(Path(folder), *arguments, RAG_GENERATOR_PROMPT="default", RAG_CACHE_KEEP_S="0")
        try:
            wait_until(lambda: _generator_is_ready(service), LOADING_S)
            engine = httpx.Client(base_url=service.processes()["api"].environ()["RAG_GENERATOR_URL"], timeout=120)
            model = engine.get("/models").json()["data"][0]["id"]
            rows = [row for question in questions for row in _rounds(service, engine, model, question)]
        finally:
            stop(service)
    overheads = [asked - (searched + bare) for asked, searched, bare in rows]
    return [
        Measure(
            name="ask.first_token.overhead",
            value=p50(overheads) * 1000,
            unit="ms",
            n=len(rows),
            note="p50 of first token through the service - (search + bare vLLM's first token, same prompt)",
        ),
        Measure(
            name="ask.first_token",
            value=p50([asked for asked, _, _ in rows]) * 1000,
            unit="ms",
            n=len(rows),
            reference=p50([searched + bare for _, searched, bare in rows]) * 1000,
            note="p50, prompt in vLLM's prefix cache; reference: search + bare vLLM",
        ),
        Measure(name="search", value=p50([searched for _, searched, _ in rows]) * 1000, unit="ms", n=len(rows)),
    ]


def _rounds(service: Service, engine: httpx.Client, model: str, question: str) -> Iterable[tuple[float, float, float]]:
    """Yield (through the service, search, bare) in seconds, after one round that fills the prefix cache."""
    prompt = _prompt(service, question)
    for number in range(REPEATS + 1):
        time.sleep(SETTLE_S)
        started = time.perf_counter()
        service.search(question, top_k=Settings().retrieve.top_k)
        searched = time.perf_counter() - started
        time.sleep(SETTLE_S)
        asked = _first(service.http, "/v1/ask", {"question": question}, '{"text"')
        time.sleep(SETTLE_S)
        bare = _first(engine, "/chat/completions", _bare_body(model, prompt), '"content":"')
        if number:
            yield asked, searched, bare


def _prompt(service: Service, question: str) -> list[Message]:
    """Return the very messages that the service sends: its first event has the sources as they are numbered."""
    prompt, names = load_prompt("default", question_language(question)), set(Hit.__dataclass_fields__) - {"context"}
    with service.http.stream("POST", "/v1/ask", json={"question": question}) as response:
        found = json.loads(next(line for line in response.iter_lines() if line.startswith("data: "))[6:])["sources"]
    sources = [
        NumberedHit(n=one["n"], hit=Hit(context="", **{name: one[name] for name in names}), chunk_ids=())
        for one in found
    ]
    return [*system_messages(prompt), asked(prompt, question, numbered_passages(sources))]


def _bare_body(model: str, prompt: list[Message]) -> dict[str, object]:
    return {"model": model, "messages": prompt, "temperature": 0.0, "max_tokens": 16, "stream": True}


def _first(client: httpx.Client, path: str, body: dict[str, object], mark: str) -> float:
    """Return the seconds until the first piece of the answer, then leave."""
    started = time.perf_counter()
    with client.stream("POST", path, json=body) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if mark in line and '"content":""' not in line:
                return time.perf_counter() - started
    raise RuntimeError(f"{path} ended without a token")


def _generator_is_ready(service: Service) -> bool:
    return bool(service.http.get("/readyz").json()["checks"]["generator"]["status"] == "ok")
