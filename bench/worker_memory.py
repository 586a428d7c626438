"""Memory of a worker over 10,000 documents: it must not grow."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from bench.measure import Measure
from bench.service import Service, start, stop

DOCUMENTS, EVERY = 10_000, 1000


def run() -> list[Measure]:
    """Ingest 10,000 small documents; compare the worker's memory after each thousand."""
    with tempfile.TemporaryDirectory() as folder:
        service = start(Path(folder), "--generator", "none")
        try:
            sizes = [_after(service, first) for first in range(0, DOCUMENTS, EVERY)]
        finally:
            stop(service)
    return [
        Measure(
            name="worker.memory",
            value=sizes[-1] / 1e6,
            unit="MB",
            n=DOCUMENTS,
            reference=sizes[0] / 1e6,
            note="unique set size after 10,000 documents, beside that after 1,000: "
            + " ".join(f"{size / 1e6:.0f}" for size in sizes),
        )
    ]


def _after(service: Service, first: int) -> int:
    """Ingest the next thousand and return the worker's unique set size in bytes."""
    with ThreadPoolExecutor(2) as pool:
        accepted = list(pool.map(lambda number: _upload(service, number), range(first, first + EVERY)))
    for document_id in accepted:
        service.settled(document_id)
    worker: psutil.Process = service.processes()["worker"]
    return int(worker.memory_full_info().uss)


def _upload(service: Service, number: int) -> str:
    text = f"# Note {number}\n\nNote number {number} says that the code of door {number} is {number * 7919}."
    document_id: str = service.upload(f"note-{number}.md", text.encode()).raise_for_status().json()["id"]
    return document_id
