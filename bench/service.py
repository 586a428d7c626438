"""A service of its own for a test or a benchmark: started as a user starts it, with all its real processes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).parents[1]
SETTLED = {"ready", "failed"}


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service. `http` speaks to its API; `process` is `rag up`; `settings` are not the defaults."""

    url: str
    data: Path
    settings: dict[str, str]
    process: subprocess.Popen[str]
    http: httpx.Client

    def upload(self, name: str, content: bytes, **form: str) -> httpx.Response:
        return self.http.post("/v1/documents", files={"file": (name, content)}, data=form)

    def ingest(self, name: str, content: bytes, **form: str) -> dict[str, Any]:
        """Upload and wait until the document is ready or failed."""
        response = self.upload(name, content, **form)
        response.raise_for_status()
        return self.settled(response.json()["id"])

    def settled(self, document_id: str, timeout_s: float = 60) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            document: dict[str, Any] = self.http.get(f"/v1/documents/{document_id}").json()
            if document["status"] in SETTLED:
                return document
            time.sleep(0.1)
        raise TimeoutError(f"still {document['status']} ({document['stage']}) after {timeout_s:.0f} s")

    def search(self, query: str, **body: Any) -> list[dict[str, Any]]:
        response = self.http.post("/v1/search", json={"query": query, **body})
        response.raise_for_status()
        hits: list[dict[str, Any]] = response.json()["hits"]
        return hits

    @property
    def database_url(self) -> str:
        """The registry itself, for what the API cannot tell or while it is dead."""
        given = psutil.Process(self.process.pid).environ().get("RAG_DATABASE_URL")
        return given or f"sqlite:///{self.data / 'registry.db'}"

    def shared(self) -> dict[str, str]:
        """Return the settings with which another process takes part in this service."""
        own = self.processes()["api"].environ()
        return {name: value for name, value in own.items() if name.startswith(("RAG_", "AWS_"))}

    def processes(self) -> dict[str, psutil.Process]:
        """Return the supervised processes by a word of their command line."""
        words = {
            "redis": "redis-server",
            "chroma": "chroma run",
            "embedder": "api.embedder",
            "worker": "ingest.worker",
            "api": "-m api ",
        }
        found: dict[str, psutil.Process] = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):  # it ends just now
                line = " ".join(child.cmdline()) + " "
                found |= {name: child for name, word in words.items() if word in line}
        return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(data: Path, port: int, **more: str) -> dict[str, str]:
    """The caller's environment without its own RAG_ settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}
    return clean | {"RAG_DATA_DIR": str(data), "RAG_API_PORT": str(port)} | more


def start(data: Path, *arguments: str, port: int | None = None, **more: str) -> Service:
    """Run `rag up` with the settings in `more` and return once it has printed its address."""
    port = port or free_port()
    process = subprocess.Popen(  # noqa: S603  # our own argv
        [str(Path(sys.executable).parent / "rag"), "up", *arguments],
        cwd=ROOT,
        env=environment(data, port, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    for line in process.stdout or []:
        said.append(line)
        if match := re.search(r"Attest is ready: (\S+)", line):
            url = match.group(1)
            http = httpx.Client(base_url=url, timeout=60)
            return Service(url=url, data=data, settings=more, process=process, http=http)
    process.wait()
    raise RuntimeError("rag up ended: " + "".join(said))


def stop(service: Service) -> None:
    """End it as Ctrl-C does, and check that no process is left."""
    family = psutil.Process(service.process.pid).children(recursive=True)
    service.process.send_signal(signal.SIGINT)
    service.process.wait(timeout=60)
    service.http.close()
    if service.process.stdout:
        service.process.stdout.close()
    _, left = psutil.wait_procs(family, timeout=5)
    if left:
        raise RuntimeError(f"still running: {left}")


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def wait_until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s")
        time.sleep(0.1)
