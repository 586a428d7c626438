"""Ingest of the samples, from the first upload to the last document ready, beside the bare embedder."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from bench.measure import Measure, p50
from bench.service import ROOT, Service, start, stop
from ingest.chunk import embedded_text
from rag.cli.up import NOT_DOCUMENTS
from rag.database import connect, transaction
from rag.model import Model
from rag.registry import chunk_record
from rag.settings import EmbedderSettings
from rag.tables import ChunkRow

RUNS = 5


def run() -> list[Measure]:
    """Ingest the samples RUNS times into collections of their own; embed the same passages bare after each."""
    files = sorted(path for path in (ROOT / "samples").iterdir() if path.name not in NOT_DOCUMENTS)
    model = Model(EmbedderSettings())
    with tempfile.TemporaryDirectory() as folder:
        service = start(Path(folder), "--generator", "none")
        try:
            _ingest(service, files, "warm-up")
            texts = _embedded_texts(service)
            model.encode(texts)
            served, bare = [], []
            for number in range(RUNS):
                served.append(_ingest(service, files, f"run-{number}"))
                started = time.perf_counter()
                model.encode(texts)
                bare.append(time.perf_counter() - started)
        finally:
            stop(service)
    size = sum(len(text.encode()) for text in texts)
    reference = len(texts) / p50(bare)
    return [
        Measure(
            name="ingest.samples",
            value=len(texts) / p50(served),
            unit="chunks/s",
            n=RUNS,
            reference=reference,
            note=f"{len(files)} files, {len(texts)} chunks, {size // 1000} kB embedded; reference: bare embedder",
        ),
        Measure(name="ingest.samples.duration", value=p50(served), unit="s", n=RUNS, reference=p50(bare)),
    ]


def _ingest(service: Service, files: Sequence[Path], collection: str) -> float:
    """Return the seconds from the first upload to the last document ready."""
    started = time.perf_counter()
    accepted = [service.upload(path.name, path.read_bytes(), collection=collection).json()["id"] for path in files]
    ended = [service.settled(document_id) for document_id in accepted]
    duration = time.perf_counter() - started
    if failed := [document["filename"] for document in ended if document["status"] != "ready"]:
        raise RuntimeError(f"not ready: {failed}")
    return duration


def _embedded_texts(service: Service) -> list[str]:
    """Return exactly what the service embedded, from its registry."""
    with transaction(connect(f"sqlite:///{service.data / 'registry.db'}"), writes=False) as session:
        return [embedded_text(chunk_record(row)) for row in session.scalars(select(ChunkRow))]
