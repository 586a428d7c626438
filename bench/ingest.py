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
from rag.records import chunk_record
from rag.settings import EmbedderSettings
from rag.tables import ChunkRow, DocumentRow, VersionRow

RUNS = 5
SCANNED = "ghent-handover.pdf"  # one page of it is an image, read by OCR


def run() -> list[Measure]:
    """Ingest the samples, with and without the scanned page, each RUNS times; embed the same passages bare."""
    files = sorted(path for path in (ROOT / "samples").iterdir() if path.name not in NOT_DOCUMENTS)
    model = Model(EmbedderSettings())
    with tempfile.TemporaryDirectory() as folder:
        service = start(Path(folder), "--generator", "none")
        try:
            _ingest(service, files, "warm-up")
            return [
                _beside_the_bare_embedder(service, model, "ingest.samples", files),
                _beside_the_bare_embedder(
                    service, model, "ingest.samples.without_ocr", [path for path in files if path.name != SCANNED]
                ),
            ]
        finally:
            stop(service)


def _beside_the_bare_embedder(service: Service, model: Model, name: str, files: Sequence[Path]) -> Measure:
    texts = _embedded_texts(service, [path.name for path in files])
    model.encode(texts)
    served, bare = [], []
    for number in range(RUNS):
        served.append(_ingest(service, files, f"run-{len(files)}-{number}"))
        started = time.perf_counter()
        model.encode(texts)
        bare.append(time.perf_counter() - started)
    return Measure(
        name=name,
        value=len(texts) / p50(served),
        unit="chunks/s",
        n=RUNS,
        reference=len(texts) / p50(bare),
        note=f"{len(files)} files, {len(texts)} chunks, {p50(served):.2f} s; bare embedder {p50(bare):.2f} s",
    )


def _ingest(service: Service, files: Sequence[Path], collection: str) -> float:
    """Return the seconds from the first upload to the last document ready."""
    started = time.perf_counter()
    accepted = [service.upload(path.name, path.read_bytes(), collection=collection).json()["id"] for path in files]
    ended = [service.settled(document_id) for document_id in accepted]
    duration = time.perf_counter() - started
    if failed := [document["filename"] for document in ended if document["status"] != "ready"]:
        raise RuntimeError(f"not ready: {failed}")
    return duration


def _embedded_texts(service: Service, names: Sequence[str]) -> list[str]:
    """Return exactly what the service embedded of these files in its first round, from its registry."""
    query = (
        select(ChunkRow)
        .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
        .join(VersionRow, VersionRow.document_id == ChunkRow.document_id)
        .where(DocumentRow.collection == "warm-up", VersionRow.filename.in_(names))
    )
    with transaction(connect(f"sqlite:///{service.data / 'registry.db'}"), writes=False) as session:
        return [embedded_text(chunk_record(row)) for row in session.scalars(query)]
