"""A registry of its own for every test, each test once on SQLite and once on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from rag.database import connect, migrate
from rag.leases import Leases, Work
from rag.registry import Registry, Upload
from rag.types import Chunk, Document, Failure, Principal, Scope
from tests import servers

ADMIN = Principal(name="admin", scopes=frozenset({Scope.ADMIN}))
VISITOR = Principal(name="visitor", scopes=frozenset({Scope.SEARCH, Scope.DOCUMENTS_READ}))
BROKEN = Failure(type="broken-document", title="The document cannot be read", detail="Save it anew.")
LEASE_S = 30.0
RAN_OUT = -1.0  # a lease of this length is over as soon as it is taken


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "postgresql":
        url = servers.new_database(request.getfixturevalue("postgres_url"))
    else:
        url = f"sqlite:///{tmp_path / 'registry.db'}"
    migrate(url)
    opened = connect(url)
    yield opened
    opened.dispose()


@pytest.fixture
def registry(engine: Engine) -> Registry:
    return Registry(engine)


@pytest.fixture
def leases(engine: Engine) -> Leases:
    return Leases(engine)


def upload(content: str, **changes: object) -> Upload:
    """Return an upload of bytes that differ exactly where `content` does."""
    plain = Upload(
        collection="default",
        filename="handbook.md",
        sha256=content.encode().hex().ljust(64, "0"),
        size_bytes=len(content),
        media_type="text/markdown",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def work_on(document: Document) -> Work:
    return Work(document_id=document.id, version=document.latest.version)


def passages(*texts: str) -> list[Chunk]:
    return [
        Chunk(ordinal=ordinal, text=text, context="Handbook", page=None, section=None, start=0, end=len(text))
        for ordinal, text in enumerate(texts)
    ]


def finish(leases: Leases, document: Document, *texts: str, owner: str = "worker") -> bool:
    """Take the latest version's lease and end the work on it with these passages."""
    work = work_on(document)
    leases.claim(work, owner, LEASE_S)
    chunks = passages(*texts)
    return leases.finish(work, owner, title="Handbook", text="\n".join(texts), pages=None, chunks=chunks)


def shown(registry: Registry, document: Document, principal: Principal = ADMIN) -> list[str]:
    """Return the texts that a search may show, were the index to return every passage that it ever held."""
    ids = {f"{document.id}.{version}.{ordinal}": 0.5 for version in range(1, 5) for ordinal in range(5)}
    return [hit.text for hit in registry.live_hits(ids, principal)]
