"""What can be wrong with a machine before the service starts, each said in one line with what to do."""

import platform
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.parse.sandbox import missing_protections
from rag.cli.programs import VLLM_CPU, VLLM_GPU
from rag.settings import Settings

MIN_FREE_BYTES = 1_000_000_000
OPTIONAL = {  # programs, under any of these names, and what their lack means
    "redis-server": "the packaged one is used",
    "nvidia-smi": "no GPU is used",
    "soffice libreoffice": "old .doc and .ppt files are refused; `sudo apt-get install libreoffice-writer-nogui "
    "libreoffice-impress-nogui` lets them be read",
    "tesseract": "scans in scripts other than Latin and Chinese are read badly; `sudo apt-get install tesseract-ocr` "
    "and a language, as tesseract-ocr-kor, lets them be read",
}
PYTHONS = ((3, 11), (3, 13))


@dataclass(frozen=True, kw_only=True)
class Check:
    """`ok` None: good to know, in nobody's way."""

    name: str
    ok: bool | None
    detail: str


def start_checks(settings: Settings) -> Iterator[Check]:
    """Yield what must be right before a start."""
    yield _python()
    yield _disk(settings.data_dir)
    yield _port(settings.api.host, settings.api.port)


def all_checks(settings: Settings) -> Iterator[Check]:
    """Yield everything worth knowing about this machine."""
    yield _python()
    yield _disk(settings.data_dir)
    yield _sandbox()
    for program, without in OPTIONAL.items():
        found = next(filter(None, map(shutil.which, program.split())), None)
        yield Check(name=program.split()[-1], ok=None, detail=found or f"not installed: {without}")
    for folder, command in ((VLLM_GPU, "make vllm"), (VLLM_CPU, "make vllm-cpu")):
        yield Check(name=folder.name, ok=None, detail="installed" if folder.exists() else f"`{command}` installs it")


def _python() -> Check:
    ok = PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]
    return Check(name="python", ok=ok, detail=f"{platform.python_version()} (3.11 to 3.13 are supported)")


def _sandbox() -> Check:
    """Without these means parsers run all the same, in a child process with limits of memory and time."""
    lacking = missing_protections()
    return Check(name="sandbox", ok=None, detail=" ".join(lacking) or "parsers reach no network and no other file")


def _disk(folder: Path) -> Check:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    return Check(
        name="disk",
        ok=free >= MIN_FREE_BYTES,
        detail=f"{free / 1e9:.1f} GB free under {existing} ({MIN_FREE_BYTES / 1e9:.0f} GB are needed)",
    )


def _port(host: str, port: int) -> Check:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            return Check(name="port", ok=False, detail=f"{host}:{port}: {exc.strerror}. Set RAG_API_PORT to another.")
    return Check(name="port", ok=True, detail=f"{host}:{port} is free")
