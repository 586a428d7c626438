"""A web site on this machine that changes as a test says, and what a worker brings to a source's run."""

import hashlib
import shutil
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import Engine

from ingest.accept import Intake
from ingest.queue import Queue, make_app
from ingest.sources.fetch import Fetcher
from ingest.sources.guard import Guard
from ingest.sources.run import SourceRunner
from ingest.store import Store
from ingest.store.local import LocalStore
from rag.database import connect, migrate
from rag.registry import Registry
from rag.sources import NewSource, Source, SourceKind, Sources
from rag.types import Document, Principal, Scope
from tests.http_server import Answer, Exchange, Server, serving

ADMIN = Principal(name="admin", scopes=frozenset({Scope.ADMIN}))
ALLOWED = "127.0.0.1"


class Pages(dict[str, Answer]):
    """What a site answers; 404 for everything else."""

    def __missing__(self, path: str) -> Answer:
        return answer(404)


def answer(status: int, body: bytes = b"", media_type: str = "text/html", **headers: str) -> Answer:
    def send(exchange: Exchange) -> None:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange.start(status, media_type, {"Content-Length": str(len(body)), **more})
        exchange.handler.wfile.write(body)

    return send


@dataclass(frozen=True, kw_only=True)
class Site:
    """A site on the loopback address."""

    server: Server
    pages: Pages

    @property
    def root(self) -> str:
        return self.server.url.removesuffix("/v1")

    def url(self, path: str) -> str:
        return self.root + path

    def put(self, path: str, body: str | bytes, media_type: str = "text/html") -> None:
        """Serve a page with an ETag, and 304 to who has it."""
        content = body.encode() if isinstance(body, str) else body
        etag = f'"{hashlib.sha256(content).hexdigest()[:8]}"'

        def send(exchange: Exchange) -> None:
            if exchange.headers.get("If-None-Match") == etag:
                answer(304, ETag=etag)(exchange)
            else:
                answer(200, content, media_type, ETag=etag)(exchange)

        self.pages[path] = send

    def link(self, path: str, *targets: str, text: str = "") -> None:
        """Serve a page that leads to others."""
        anchors = "".join(f'<a href="{target}">more</a>' for target in targets)
        self.put(path, f"<html><body><p>{text or path}</p>{anchors}</body></html>")

    def asked(self) -> list[str]:
        """Return the paths that were asked for since the last call."""
        paths = [exchange.path for exchange in self.server.seen]
        self.server.seen.clear()
        return paths


@pytest.fixture
def site() -> Iterator[Site]:
    pages = Pages()
    with serving(pages) as server:
        yield Site(server=server, pages=pages)


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registry") / "registry.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def engine(empty_registry: Path, tmp_path: Path) -> Iterator[Engine]:
    shutil.copy(empty_registry, tmp_path / "registry.db")
    opened = connect(f"sqlite:///{tmp_path / 'registry.db'}")
    yield opened
    opened.dispose()


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A runner and what it writes to."""

    runner: SourceRunner
    sources: Sources
    registry: Registry
    store: Store
    sent: list[tuple[str, Any]] = field(default_factory=list)

    def add(self, kind: SourceKind, location: str, *, grace_s: float = 3600, **options: Any) -> Source:
        new = NewSource(
            kind=kind, location=location, collection="default", grace_s=grace_s, options={"rate": 1000, **options}
        )
        return self.sources.add(new, ADMIN)

    def run(self, source: Source) -> dict[str, Any]:
        """Read a source now; return the run's report."""
        self.sources.run_now(source.id, ADMIN)
        assert self.runner.run_due("worker")
        report = self.sources.get(source.id, ADMIN).last_run
        assert report is not None
        return report

    def documents(self) -> dict[str, Document]:
        """Return the documents that are there, by source_id."""
        found = self.registry.documents(ADMIN, limit=500)[0]
        return {name: document for document in found for name in document.source_ids or ("",)}

    def text(self, source_id: str) -> str:
        with self.store.local(self.documents()[source_id].latest.sha256) as path:
            return path.read_text()


@pytest.fixture
def worker(engine: Engine, tmp_path: Path) -> Worker:
    return make_worker(engine, tmp_path, folders=str(tmp_path))


def make_worker(engine: Engine, tmp_path: Path, folders: str = "", allowed_hosts: str = ALLOWED) -> Worker:
    registry, sources, store = Registry(engine), Sources(engine), LocalStore(tmp_path / "originals")
    intake = Intake(registry=registry, store=store, queue=Queue(make_app("memory://")), max_bytes=1_000_000)
    runner = SourceRunner(
        sources=sources,
        intake=intake,
        fetcher=Fetcher(guard=Guard(allowed_hosts=allowed_hosts), max_bytes=1_000_000, total_s=20),
        folders=folders,
        lease_s=30,
    )
    return Worker(runner=runner, sources=sources, registry=registry, store=store)


@pytest.fixture
def fetcher() -> Callable[..., Fetcher]:
    def make(allowed_hosts: str = ALLOWED, **more: Any) -> Fetcher:
        return Fetcher(guard=Guard(allowed_hosts=allowed_hosts), **{"max_bytes": 1_000_000, "total_s": 5.0} | more)

    return make


@contextmanager
def https_site(certificate: trustme.LeafCert) -> Iterator[int]:
    """Serve `safe` over TLS, and at /down a redirect to http; return the port."""
    pages = Pages({"/": answer(200, b"safe"), "/down": answer(301, Location="http://127.0.0.1/")})
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    with serving(pages, context) as server:
        yield int(server.url.removesuffix("/v1").rpartition(":")[2])
