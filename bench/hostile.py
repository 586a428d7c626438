"""A folder of hostile files through a whole service: how each ended, what the worker took, what was touched."""

import socket
import tempfile
import threading
from collections import Counter
from pathlib import Path

import psutil

from bench.measure import Measure
from bench.service import Service, start, stop
from rag.errors import ConfigurationError

WAIT_S = 600
CANARY = "canary-of-another-folder"
WATCHED = Path("/etc")
ATTACK = '<?xml version="1.0"?><!DOCTYPE p [<!ENTITY x SYSTEM "{url}">]><p>before &x; after <img src="{url}"/></p>'


def run(docs: Path | None) -> list[Measure]:
    """Upload every file of `docs`, and print how it ended with its reason.

    Beside them go files that want a canary and a server of this benchmark; nothing may change the one or ask the other.
    """
    if docs is None:
        raise ConfigurationError("rag bench hostile wants --docs DIR, a folder of files.")
    with tempfile.TemporaryDirectory() as folder, _Listener() as listener:
        canaries = [Path(folder) / "canary.txt", Path(folder) / "data" / "canary.txt"]
        canaries[1].parent.mkdir()
        for canary in canaries:
            canary.write_text(CANARY, encoding="ascii")
        before = _listing(WATCHED)
        service = start(canaries[1].parent, "--generator", "none")
        try:
            files = [(path.name, path.read_bytes()) for path in sorted(docs.iterdir()) if path.is_file()]
            ends = [_end(service, name, content) for name, content in files + _attacks(canaries[1], listener.url)]
            peak_bytes = _peak_bytes(service.processes()["worker"])
            leaked = [hit for hit in service.search(CANARY, top_k=50) if CANARY in hit["text"]]
        finally:
            stop(service)
        touched = [canary for canary in canaries if canary.read_text(encoding="ascii") != CANARY]
        touched += sorted(_listing(WATCHED) ^ before)
    counts = Counter(ends)
    return [
        Measure(
            name="hostile.ended", value=len(ends) - counts["unfinished"], unit="files", n=len(ends), reference=len(ends)
        ),
        *(Measure(name=f"hostile.{end}", value=counts[end], unit="files", n=len(ends)) for end in sorted(counts)),
        Measure(name="hostile.worker.peak", value=peak_bytes / 1e6, unit="MB", n=1),
        Measure(name="hostile.touched", value=len(touched) + len(leaked), unit="files", n=1),
        Measure(name="hostile.connections", value=listener.connections, unit="connections", n=1),
    ]


def _end(service: Service, name: str, content: bytes) -> str:
    """Return `ready`, `failed`, `refused` at the upload, or `unfinished`."""
    response = service.upload(name, content)
    document = response.json()
    end, problem = "refused", document
    if response.is_success:
        try:
            document = service.settled(document["id"], WAIT_S)
        except TimeoutError:
            document |= {"status": "unfinished"}
        end, problem = document["status"], document.get("error")
    reason = f"{problem['type']}: {problem['detail']}" if problem else f"{document.get('chunks', 0)} passages"
    print(f"{end:10} {name}: {reason}", flush=True)  # noqa: T201
    return str(end)


def _attacks(canary: Path, url: str) -> list[tuple[str, bytes]]:
    return [
        (f"attack-{number}{extension}", ATTACK.format(url=target).encode())
        for number, target in enumerate((url, canary.as_uri()))
        for extension in (".html", ".xml", ".md", ".txt")
    ]


def _peak_bytes(process: psutil.Process) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _listing(folder: Path) -> set[Path]:
    """Return the files of a folder, each with the time of its last change as a last part of its path."""
    return {path / str(path.lstat().st_mtime_ns) for path in folder.rglob("*")}


class _Listener:
    """A local server that counts who connects to it."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"

    def __enter__(self) -> "_Listener":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                self._socket.accept()[0].close()
            except OSError:
                return
            self.connections += 1
