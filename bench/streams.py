"""Many answers at once from an engine that writes 40 tokens a second to each: gaps, first tokens, processor time."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import Measure
from bench.service import ROOT, Service, answers, free_port, start, stop, wait_until
from bench.stub_engine import MODEL, TOKENS_PER_S

STREAMS = (25, 50, 100, 150, 200)
REFUSED = 50  # questions beyond the capacity, which is the most streams
TOKENS = 400  # ten seconds
RAMP_S = 5.0  # within which the questions come; all streams run together for as long again
MOST_GAP_S = 0.25
MOST_REFUSAL_S = 0.2
TOO_MANY = 429
QUESTION = {"question": "How often is the tape knife of a Plover 300 replaced?"}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the readers of one run saw, in seconds, and what the API took for it."""

    streams: int
    gaps_s: Sequence[float]
    firsts_s: Sequence[float]
    tokens: int
    whole: int
    processor_s: float
    refused_s: Sequence[float]
    failed: int


def run() -> list[Measure]:
    """Read 25 to 200 streams at once through the service, and from the engine alone."""
    with tempfile.TemporaryDirectory() as folder, stub_engine() as engine:
        service = _start(Path(folder), engine)
        try:
            _read(f"{service.url}/v1/ask", QUESTION, 2, 0.0)  # warm
            bare = {"model": MODEL, "messages": [{"role": "user", "content": "a b c"}], "max_tokens": TOKENS}
            runs = [(_run(service, f"{engine}/chat/completions", bare, n), _ask(service, n)) for n in STREAMS]
            beyond = _ask(service, max(STREAMS) + REFUSED)
        finally:
            stop(service)
    broken = [asked.streams for _, asked in runs if max(asked.gaps_s) > MOST_GAP_S or asked.whole < asked.streams]
    held = [asked.streams for _, asked in runs if asked.streams < min(broken, default=1 + max(STREAMS))]
    return [
        *(measure for alone, asked in runs for measure in _measures(alone, asked)),
        *_refusals(beyond),
        Measure(
            name="streams.held",
            value=max(held, default=0),
            unit="streams",
            n=len(runs),
            reference=100,
            note=f"most streams of {TOKENS_PER_S:.0f} tokens/s without a gap over {MOST_GAP_S * 1000:.0f} ms",
        ),
    ]


@contextmanager
def stub_engine(tokens_per_s: float = TOKENS_PER_S) -> Iterator[str]:
    """Run the engine in a process of its own; give its base URL."""
    port = free_port()
    argv = [sys.executable, "-m", "bench.stub_engine", str(port), str(tokens_per_s)]
    process = subprocess.Popen(argv, cwd=ROOT)  # noqa: S603  # our own argv
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/v1/models"))
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def _start(folder: Path, engine: str) -> Service:
    settings = {
        "RAG_GENERATOR_URL": engine,
        "RAG_GENERATOR_ANSWER_TOKENS": str(TOKENS),
        "RAG_GENERATOR_CONTEXT_TOKENS": "8192",
        "RAG_API_MAX_ANSWERS": str(max(STREAMS)),
        "RAG_CACHE_KEEP_S": "0",  # every reader asks the same
    }
    return start(folder, "--samples", str(ROOT / "samples"), port=None, **settings)


def _ask(service: Service, streams: int) -> Run:
    return _run(service, f"{service.url}/v1/ask", QUESTION, streams)


def _run(service: Service, url: str, body: dict[str, Any], streams: int) -> Run:
    before = _processor_s(service)
    seen = _read(url, body, streams, RAMP_S)
    return Run(
        streams=streams,
        gaps_s=[gap for one in seen for gap in one.get("gaps_s", [])],
        firsts_s=[one["first_s"] for one in seen if one.get("tokens")],
        tokens=sum(one.get("tokens", 0) for one in seen),
        whole=sum(one.get("tokens") == TOKENS and one["ended"] != "event: error" for one in seen),
        processor_s=_processor_s(service) - before,
        refused_s=[one["took_s"] for one in seen if one.get("status") == TOO_MANY],
        failed=sum(one.get("status", TOO_MANY) != TOO_MANY for one in seen),
    )


def _read(url: str, body: dict[str, Any], streams: int, ramp_s: float) -> list[dict[str, Any]]:
    with tempfile.NamedTemporaryFile() as file:
        argv = [
            sys.executable,
            "-m",
            "bench.stream_reader",
            url,
            json.dumps(body),
            str(streams),
            str(ramp_s),
            file.name,
        ]
        subprocess.run(argv, cwd=ROOT, check=True)  # noqa: S603  # ours
        return [json.loads(line) for line in Path(file.name).read_text(encoding="utf-8").splitlines()]


def _processor_s(service: Service) -> float:
    times = service.processes()["api"].cpu_times()
    return float(times.user + times.system)


def _measures(alone: Run, asked: Run) -> Iterator[Measure]:
    name, count = f"streams.{asked.streams}", len(asked.gaps_s)
    for part, q in (("gap.largest", 100), ("gap.p99", 99)):
        gap, bare = (float(np.percentile(one.gaps_s, q)) * 1000 for one in (asked, alone))
        yield Measure(name=f"{name}.{part}", value=gap, unit="ms", n=count, reference=bare, note="to the engine alone")
    delay, bare_delay = (float(np.mean(one.gaps_s)) * 1000 for one in (asked, alone))
    yield Measure(name=f"{name}.gap.mean", value=delay, unit="ms", n=count, reference=bare_delay)
    for part, q in (("p50", 50), ("p95", 95)):
        first = float(np.percentile(asked.firsts_s, q)) * 1000
        yield Measure(name=f"{name}.first_token.{part}", value=first, unit="ms", n=len(asked.firsts_s))
    yield Measure(
        name=f"{name}.processor",
        value=asked.processor_s / asked.tokens * 1000,
        unit="s",
        n=asked.tokens,
        note="of the API's process for 1,000 tokens, the searches included",
    )
    yield Measure(name=f"{name}.whole", value=asked.whole, unit="answers", n=asked.streams, reference=asked.streams)


def _refusals(beyond: Run) -> Iterator[Measure]:
    """How long the questions beyond the capacity waited for their 429, while all places were taken."""
    for part, q in (("p50", 50), ("largest", 100)):
        waited = float(np.percentile(beyond.refused_s, q)) * 1000
        limit = MOST_REFUSAL_S * 1000
        yield Measure(name=f"streams.refusal.{part}", value=waited, unit="ms", n=len(beyond.refused_s), reference=limit)
    yield Measure(
        name="streams.failed", value=beyond.failed, unit="answers", n=beyond.streams, note="neither 200 nor 429"
    )
