"""From `rag up` to the first cited answer: with nothing there yet, and with the data of an earlier run."""

import tempfile
import time
from pathlib import Path

from bench.measure import Measure
from bench.service import ROOT, start, stop

QUESTION = "When am I allowed to fly business class?"


def run() -> list[Measure]:
    """Return both starts, without installing; the demonstration model may still be loading at the answer."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_start_and_ask(Path(folder)) for _ in range(2))
    return [
        Measure(name="start.first", value=first, unit="s", n=1, note="samples ingested on the way"),
        Measure(name="start.second", value=second, unit="s", n=1, reference=40.0),
    ]


def _start_and_ask(data: Path) -> float:
    started = time.perf_counter()
    service = start(data, "--samples", str(ROOT / "samples"))
    try:
        answer = service.http.post("/v1/ask", json={"question": QUESTION, "stream": False}).json()
        duration = time.perf_counter() - started
        if not answer["citations"]:
            raise RuntimeError("the answer has no citation")
        return duration
    finally:
        stop(service)
