"""One service for all tests of this folder; they keep apart by using collections of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from bench.service import ROOT, Service, answers, free_port, start, stop, wait_until


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service without a generator: answers are quoted passages. Tests share it and use collections of their own."""
    data = tmp_path_factory.mktemp("service")
    running = start(data, "--generator", "none", RAG_SOURCES_ALLOWED_HOSTS="127.0.0.1")
    yield running
    stop(running)


@pytest.fixture(scope="session")
def small_limit(service: Service) -> Iterator[Service]:
    """A second API on the same parts, whose documents may have one megabyte."""
    port = free_port()
    api = service.processes()["api"]
    more = {name: value for name, value in api.environ().items() if name.startswith("RAG_")}
    settings = more | {"RAG_API_PORT": str(port), "RAG_API_MAX_UPLOAD_BYTES": "1000000"}
    process = subprocess.Popen(
        [sys.executable, "-m", "api"],
        env=os.environ | settings,
        cwd=ROOT,
        text=True,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{url}/healthz"))
    with httpx.Client(base_url=url, timeout=60) as http:
        yield Service(url=url, data=service.data, process=process, http=http)
    process.terminate()
    process.wait()
