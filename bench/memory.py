"""Memory of the idle service after it has ingested the samples, all processes but the generator."""

import tempfile
import time
from pathlib import Path

import psutil

from bench.measure import Measure
from bench.service import ROOT, start, stop

SETTLE_S = 10


def run() -> list[Measure]:
    """Return the proportional set size: shared pages count once over all processes."""
    with tempfile.TemporaryDirectory() as folder:
        service = start(Path(folder), "--generator", "none", "--samples", str(ROOT / "samples"))
        try:
            time.sleep(SETTLE_S)
            parent = psutil.Process(service.process.pid)
            family = [parent, *parent.children(recursive=True)]
            sizes = {_name(process): process.memory_full_info().pss for process in family}
        finally:
            stop(service)
    parts = [Measure(name=f"memory.idle.{name}", value=size / 1e6, unit="MB", n=1) for name, size in sizes.items()]
    return [Measure(name="memory.idle", value=sum(sizes.values()) / 1e6, unit="MB", n=1, reference=1200.0), *parts]


def _name(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    words = ("redis-server", "chroma", "api.embedder", "ingest.worker", "ingest.parse", "supervisord")
    return next((word for word in words if word in line), "rag up" if "up" in process.cmdline() else "api")
