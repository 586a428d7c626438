"""A folder of documents from the first upload to the last one ready, beside the bare embedder on the same chunks."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import func, select

from bench.measure import Measure
from bench.service import ROOT, Service, start, stop, wait_until
from ingest.chunk import embedded_text
from ingest.parse.kinds import EXTENSIONS
from rag.batching import Batching
from rag.database import connect, transaction
from rag.model import KERNELS_KEPT, Model
from rag.records import chunk_record
from rag.settings import EmbedderSettings
from rag.tables import ChunkRow, VersionRow
from rag.tokens import PACKAGED, model_folder

UPLOADS_AT_ONCE = 4


def run(docs: Path = ROOT / "samples") -> list[Measure]:
    """Ingest the folder twice, into an empty service each, and embed the same chunks bare before and after."""
    files = sorted(path for path in docs.rglob("*") if path.is_file() and path.suffix.lower() in EXTENSIONS)
    with tempfile.TemporaryDirectory() as folder:
        served, texts = _ingest(Path(folder) / "first", files)
        bare = [_embed_bare(texts)]
        streams = _embed_streams(texts)
        served_again, _ = _ingest(Path(folder) / "second", files)
        bare.append(_embed_bare(texts))
    note = f"{len(files)} files, {sum(map(len, texts)) / 1000:.0f} kB embedded, {served:.1f} and {served_again:.1f} s; "
    value = len(texts) / min(served, served_again)
    return [
        Measure(
            name=f"ingest.{docs.name}",
            value=value,
            unit="chunks/s",
            n=len(texts),
            reference=len(texts) / min(bare),
            note=f"{note}bare sentence-transformers {bare[0]:.1f} and {bare[1]:.1f} s",
        ),
        Measure(
            name=f"ingest.{docs.name}.beside_streams",
            value=value,
            unit="chunks/s",
            n=len(texts),
            reference=len(texts) / streams,
            note=f"{note}the service's embedder alone {streams:.1f} s",
        ),
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


def _embed_bare(texts: Sequence[str]) -> float:
    """Return the seconds of sentence-transformers in a process that has nothing of ours set."""
    command = [sys.executable, "-m", "bench.bare", str(model_folder(PACKAGED))]
    plain = {name: value for name, value in os.environ.items() if name not in KERNELS_KEPT}
    given = json.dumps(texts)
    told = subprocess.run(command, cwd=ROOT, env=plain, input=given, text=True, check=True, capture_output=True)  # noqa: S603
    return float(told.stdout)


def _embed_streams(texts: Sequence[str]) -> float:
    """Return the seconds of the service's own embedder, called without a service around it."""
    model = Model(EmbedderSettings())
    batching = Batching(model.encode, model.streams)
    batching.encode(texts[:32])
    started = time.perf_counter()
    batching.encode(sorted(texts, key=len))
    return time.perf_counter() - started
