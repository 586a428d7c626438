"""A registry of its own for every test, each test once on SQLite and once on PostgreSQL."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import pytest
from sqlalchemy import Engine, make_url

from rag.candidates import Candidates
from rag.database import connect, migrate, transaction
from rag.generations import Generations
from rag.leases import Claim, Leases
from rag.registry import Registry
from rag.serving import Serving, Switch
from rag.tables import WorkRow
from rag.types import Chunk, Document, Extracted, Failure, Generation, Mode, Principal, Scope, Search
from rag.uploads import Upload
from rag.work import Kind, Work
from tests import servers
from tests.workshop import connect_hurried

ADMIN = Principal(name="admin", scopes=frozenset({Scope.ADMIN}))
VISITOR = Principal(name="visitor", scopes=frozenset({Scope.SEARCH, Scope.DOCUMENTS_READ}))
BROKEN = Failure(type="broken-document", title="The document cannot be read", detail="Save it anew.")
LEASE_S = 30.0
RAN_OUT = -1.0  # a lease of this length is over as soon as it is taken


@pytest.fixture(scope="session")
def empty_postgres(postgres_url: str) -> str:
    """The name of a database with the registry's tables, to be copied."""
    url = servers.new_database(postgres_url)
    migrate(url)
    return make_url(url).database or ""


def _opened(url: str) -> Iterator[Engine]:
    opened = connect_hurried(url) if url.startswith("sqlite") else connect(url)
    yield opened
    opened.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without tables."""
    if request.param == "postgresql":
        yield from _opened(servers.new_database(request.getfixturevalue("postgres_url")))
    else:
        yield from _opened(f"sqlite:///{tmp_path / 'registry.db'}")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, empty_sqlite: Path) -> Iterator[Engine]:
    """A registry with its tables."""
    if request.param == "postgresql":
        made = request.getfixturevalue("empty_postgres")
        yield from _opened(servers.new_database(request.getfixturevalue("postgres_url"), copy_of=made))
    else:
        yield from _opened(f"sqlite:///{shutil.copy(empty_sqlite, tmp_path)}")


@pytest.fixture
def registry(engine: Engine) -> Registry:
    return Registry(engine)


@pytest.fixture
def leases(engine: Engine) -> Leases:
    return Leases(engine)


@pytest.fixture
def generations(engine: Engine) -> Generations:
    """The first generation, 1, serves."""
    opened = Generations(engine)
    opened.first(generation("first"))
    return opened


@pytest.fixture
def serving(engine: Engine, generations: Generations) -> Serving:
    del generations
    return Serving(engine)


def generation(model: str, dimension: int = 2) -> Generation:
    return Generation(
        model=model,
        url="",
        query_prefix="",
        passage_prefix="",
        send_input_type=False,
        dimension=dimension,
        max_tokens=256,
    )


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


def extracted(*texts: str) -> Extracted:
    chunks = tuple(
        Chunk(ordinal=ordinal, text=text, context="Handbook", page=None, section=None, start=0, end=len(text))
        for ordinal, text in enumerate(texts)
    )
    return Extracted(title="Handbook", text="\n".join(texts), chunks=chunks)


def take(leases: Leases, document: Document, kind: Kind = Kind.INGEST, *, lease_s: float = LEASE_S) -> Claim:
    """Claim this document's next work of a kind, as a worker of its own; what comes before it is given back.

    Its cleaning, which comes before all, is done first: there is no index here.
    """
    others: list[Claim] = []
    claim = leases.claim(token_hex(4), LEASE_S)
    while claim is not None and (claim.document.id, claim.work.kind) != (document.id, kind):
        if (claim.document.id, claim.work.kind) == (document.id, Kind.CLEAN):
            leases.done(claim.work)
        else:
            others.append(claim)
        claim = leases.claim(token_hex(4), LEASE_S)
    for other in others:
        leases.release(other.work)
    assert claim is not None, f"no {kind} of {document.id} is due"
    leases.renew(claim.work, lease_s)
    return claim


def make_due(engine: Engine, work: Work) -> None:
    """Let the time pass until postponed work is due."""
    with transaction(engine, writes=True) as session:
        session.get_one(WorkRow, work.id).not_before = 0.0


def finish(leases: Leases, serving: Serving, document: Document, *texts: str) -> Switch:
    """Have the document's next version read as these passages and served."""
    return serving.switch(take(leases, document).work, extracted(*texts), 1)


def shown(registry: Registry, document: Document, principal: Principal = ADMIN) -> list[str]:
    """Return the texts that a search may show, were the index to return every passage that it ever held."""
    ids = {f"{document.id}.{version}.{ordinal}": 0.5 for version in range(1, 5) for ordinal in range(5)}
    search = Search(text="", principal=principal, top_k=50, mode=Mode.DENSE)
    found = Candidates(registry.engine).read(search, ids, limit=50)
    return [one.hit.text for one in sorted(found.candidates, key=lambda one: one.hit.chunk_id)]
