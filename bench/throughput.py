"""A folder of documents from the first upload to the last one ready, beside the bare embedder on the same chunks."""

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import func, select

from bench.measure import Measure
from bench.service import ROOT, Service, start, stop, wait_until
from ingest.chunk import embedded_text
from rag.cli.ingest import find_files
from rag.database import connect, transaction
from rag.model import Model
from rag.records import chunk_record
from rag.settings import EmbedderSettings
from rag.tables import ChunkRow, VersionRow

UPLOADS_AT_ONCE = 4


def run(docs: Path = ROOT / "samples") -> list[Measure]:
    """Ingest the folder twice, into an empty service each, and embed the same chunks bare before and after."""
    files = list(find_files([docs]))
    with tempfile.TemporaryDirectory() as folder:
        served, texts = _ingest(Path(folder) / "first", files)
        model = Model(EmbedderSettings())
        bare = [_embed_bare(model, texts)]
        served_again, _ = _ingest(Path(folder) / "second", files)
        bare.append(_embed_bare(model, texts))
    return [
        Measure(
            name="throughput",
            value=len(texts) / min(served, served_again),
            unit="chunks/s",
            n=len(texts),
            reference=len(texts) / min(bare),
            note=f"{len(files)} files, {sum(map(len, texts)) / 1000:.0f} kB embedded; "
            f"{served:.1f} and {served_again:.1f} s, bare {bare[0]:.1f} and {bare[1]:.1f} s",
        )
    ]


def _ingest(data: Path, files: Sequence[Path]) -> tuple[float, list[str]]:
    """Return the seconds from the first upload to the last document ready, and what was embedded."""
    service = start(data, "--generator", "none")
    try:
        service.ingest("warm-up.md", b"Warm up.", collection="warm-up")
        started = time.perf_counter()
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            for answer in pool.map(lambda path: service.upload(path.name, path.read_bytes()), files):
                answer.raise_for_status()
        wait_until(lambda: _unsettled(service) == 0, timeout_s=900)
        duration = time.perf_counter() - started
        return duration, _embedded(service)
    finally:
        stop(service)


def _unsettled(service: Service) -> int:
    waiting = VersionRow.status.in_(["queued", "processing"])
    with transaction(connect(service.database_url), writes=False) as session:
        return session.scalar(select(func.count()).select_from(VersionRow).where(waiting)) or 0


def _embedded(service: Service) -> list[str]:
    with transaction(connect(service.database_url), writes=False) as session:
        return [embedded_text(chunk_record(row)) for row in session.scalars(select(ChunkRow))]


def _embed_bare(model: Model, texts: Sequence[str]) -> float:
    started = time.perf_counter()
    model.encode(texts)
    return time.perf_counter() - started
