"""For all tests: no way to the internet, and the servers of a larger installation, each started once if asked for."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from rag.database import migrate
from tests import servers
from tests import workshop as shop

DEAD_PROXY = "http://127.0.0.1:9"  # nothing listens on the discard port
LOOPBACK = {"127.0.0.1", "::1", "localhost", "0.0.0.0", ""}  # noqa: S104  # compared


def pytest_configure() -> None:
    """Every process that a test starts inherits a proxy that does not answer; loopback goes around it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        os.environ[name] = os.environ[name.lower()] = DEAD_PROXY
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = "127.0.0.1,localhost,::1"


@pytest.fixture(autouse=True)
def _hermetic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In this process, looking up any other host is an error."""
    look_up = socket.getaddrinfo

    def local_only(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in LOOPBACK and name is not None:
            raise AssertionError(f"a test looked up {name}")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", local_only)
    yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """Settings of a store in a bucket."""
    with servers.s3() as settings:
        yield settings


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[tuple[str, psutil.Process]]:
    """URL and process of a broker."""
    with servers.rabbitmq() as running:
        yield running


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with its tables, to be copied: a migration takes longer than most tests."""
    path = tmp_path_factory.mktemp("registry") / "registry.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with shop.chroma(tmp_path_factory.mktemp("chroma")) as url:
        yield url


@pytest.fixture
def workshop(chroma_url: str, empty_sqlite: Path, tmp_path: Path) -> Iterator[shop.Workshop]:
    """All that ingesting needs, without a queue: a registry and an index of its own, and a very small embedder."""
    with shop.opened(chroma_url, empty_sqlite, tmp_path) as opened:
        yield opened
