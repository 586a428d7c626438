"""All that ingesting needs, in this process: a real registry, store and Chroma, and an embedder that counts words."""

import hashlib
import io
import shutil
import subprocess
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

import httpx
from sqlalchemy import Engine, event, update

from bench.service import answers, free_port, wait_until
from ingest.accept import Intake
from ingest.parse.sandbox import Sandbox
from ingest.pipeline import Pipeline
from ingest.queue import Queue, make_app
from ingest.read import Reader
from ingest.store import Store
from ingest.store.local import LocalStore
from rag.candidates import Candidates
from rag.database import connect, transaction
from rag.dense import Dense, DenseIndexes
from rag.generations import Generations
from rag.leases import Leases
from rag.records import chunk_id
from rag.registry import Registry
from rag.retrieve import Retriever
from rag.serving import Serving
from rag.settings import ChromaSettings, ChunkSettings, DataSettings, EmbedderSettings, Settings, WorkerSettings
from rag.tables import WorkRow
from rag.types import Document, Generation, Mode, Principal, Scope, Search
from tests.http_server import Exchange, serving

ADMIN = Principal(name="admin", scopes=frozenset({Scope.ADMIN}))
MAX_STRIKES = 3


class Killed(BaseException):
    """The worker's end at this place: nothing that it would still do is done."""


class Hooked:
    """A part of the service, before whose method something happens."""

    def __init__(self, part: object, **before: Callable[[], object]) -> None:
        self._part, self._before = part, before

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._part, name)
        if name not in self._before:
            return attribute

        def call(*args: Any, **named: Any) -> Any:
            self._before[name]()
            return attribute(*args, **named)

        return call


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def once(action: Callable[[], object]) -> Callable[[], None]:
    """Do it the first time only."""
    left = [action]

    def call() -> None:
        if left:
            left.pop()()

    return call


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """The open parts, one worker's pipeline, and what a test asks of them."""

    engine: Engine
    registry: Registry
    leases: Leases
    serving: Serving
    generations: Generations
    indexes: DenseIndexes
    intake: Intake
    pipeline: Pipeline
    second: Generation  # another model, of another dimension, not built yet

    def add(self, *sections: str, filename: str = "handbook.md", **named: Any) -> Document:
        """Upload a document with a passage for each section."""
        content = "\n\n".join(f"# Part {n}\n\n{text}" for n, text in enumerate(sections)).encode()
        named = {"collection": "default", "principal": ADMIN, **named}
        registry = Hooked(self.registry, add=named.pop("before_record", lambda: None))
        intake = replace(self.intake, registry=cast("Registry", registry))
        return intake.accept(io.BytesIO(content), filename, **named)[0]

    def work(self, pipeline: Pipeline | None = None, most: int = 50) -> int:
        """Do what is due until there is no more; return how much it was."""
        for done in range(most):
            if not (pipeline or self.pipeline).work_once():
                return done
        raise AssertionError(f"after {most} pieces of work there is more")

    def die(self, pipeline: Pipeline) -> None:
        """Have a worker killed at its work, and its lease run out."""
        try:
            pipeline.work_once()
        except Killed:
            self.time_passes()
            return
        raise AssertionError("the worker was to be killed")

    def time_passes(self) -> None:
        """Let every lease run out and every delay end."""
        with transaction(self.engine, writes=True) as session:
            session.execute(update(WorkRow).values(not_before=0.0))
            session.execute(update(WorkRow).where(WorkRow.owner.is_not(None)).values(lease_until=1.0))

    def with_hooks(self, *, serving: Any = None, index: Any = None, store: Any = None, leases: Any = None) -> Pipeline:
        """Return a worker's pipeline with such hooks before the methods of its parts."""
        pipeline = self.pipeline
        return replace(
            pipeline,
            serving=cast("Serving", Hooked(pipeline.serving, **(serving or {}))),
            store=cast("Store", Hooked(pipeline.store, **(store or {}))),
            leases=cast("Leases", Hooked(pipeline.leases, **(leases or {}))),
            indexes=cast("DenseIndexes", _HookedIndexes(self.indexes, index or {})),
        )

    def build(self) -> int:
        """Begin a generation of the other model; return its id."""
        return self.generations.build(self.second, ADMIN.name).id

    def document(self, document: Document) -> Document:
        return self.registry.document(document.id, ADMIN)

    def found(self, query: str, top_k: int = 5) -> list[str]:
        """Return the texts that a search shows, without their headings, best first."""
        retriever = Retriever(registry=self.registry, candidates=Candidates(self.engine), indexes=self.indexes)
        found = retriever.retrieve(Search(text=query, principal=ADMIN, top_k=top_k, mode=Mode.DENSE))
        return [hit.text.rpartition("\n\n")[2] for hit in found.hits]

    def vectors(self, dense: Dense | None = None) -> set[str]:
        """Return the ids of all vectors of a generation, by default of the one that serves."""
        return {key for ids in (dense or self.indexes.serving()).index.ids() for key in ids}

    def has_partitions(self, name: str) -> bool:
        """Tell whether Chroma has anything of the index of this name."""
        url = (
            f"{self.pipeline.settings.chroma.url}/api/v2/tenants/default_tenant/databases/default_database/collections"
        )
        return any(one["name"].startswith(name) for one in httpx.get(url).raise_for_status().json())

    def expected(self) -> set[str]:
        """Return the ids of all chunks that the registry says are served."""
        return {
            chunk_id(document_id, one.version, ordinal)
            for document_id, one in self.serving.served_counts().items()
            for ordinal in range(one.chunks)
        }

    def is_consistent(self) -> bool:
        """Tell whether every generation holds what is served, and nothing else, and the registry knows it."""
        return all(
            self.vectors(dense) == self.expected()
            and self.serving.is_settled(dense.generation.id, len(self.expected()))
            for dense in self.indexes.all()
        )


class _HookedIndexes:
    def __init__(self, indexes: DenseIndexes, hooks: dict[str, Any]) -> None:
        self._indexes, self._hooks = indexes, hooks

    def _hooked(self, dense: Dense) -> Dense:
        return replace(dense, index=cast("Any", Hooked(dense.index, **self._hooks)))

    def serving(self) -> Dense:
        return self._hooked(self._indexes.serving())

    def all(self) -> list[Dense]:
        return [self._hooked(dense) for dense in self._indexes.all()]


@contextmanager
def chroma(folder: Path) -> Iterator[str]:
    """Run a Chroma server."""
    port = free_port()
    program = Path(sysconfig.get_path("scripts")) / "chroma"
    argv = [str(program), "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(folder)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/api/v2/heartbeat"))
        yield url
    finally:
        process.terminate()
        process.wait()


def connect_hurried(url: str) -> Engine:
    """Return an engine for a SQLite file that need not outlive a power cut."""
    engine = connect(url)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    return engine


def word_counts(text: str, dimension: int) -> list[float]:
    """Return a vector that is close to those of texts with the same words."""
    vector = [0.01] * dimension
    for word in text.lower().split():
        vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % dimension] += 1.0
    return vector


@contextmanager
def embedder(models: dict[str, int]) -> Iterator[str]:
    """Serve models by name, each with its dimension; a model may be added later. A text with POISON is refused."""

    def embed(exchange: Exchange) -> None:
        texts = exchange.body["input"]
        if any("POISON" in text for text in texts):
            return exchange.send_json({"error": {"message": "too long"}}, status=400)
        vectors = [word_counts(text, models[exchange.body["model"]]) for text in texts]
        return exchange.send_json({"data": [{"index": n, "embedding": one} for n, one in enumerate(vectors)]})

    def listed(exchange: Exchange) -> None:
        exchange.send_json({"data": [{"id": model, "max_model_len": 256} for model in models]})

    with serving({"/v1/models": listed, "/v1/embeddings": embed}) as server:
        yield server.url


def _model(url: str, name: str, dimension: int) -> Generation:
    return Generation(
        model=name,
        url=url,
        query_prefix="",
        passage_prefix="",
        send_input_type=False,
        dimension=dimension,
        max_tokens=256,
    )


@contextmanager
def opened(chroma_url: str, empty_sqlite: Path, folder: Path) -> Iterator[Workshop]:
    first, second = (f"{name}-{token_hex(4)}" for name in ("first", "second"))
    engine = connect_hurried(f"sqlite:///{shutil.copy(empty_sqlite, folder)}")
    settings = Settings(
        _env_file=None,
        data=DataSettings(dir=folder),
        chroma=ChromaSettings(url=chroma_url),
        chunk=ChunkSettings(tokens=32, overlap_tokens=0),
        worker=WorkerSettings(max_attempts=MAX_STRIKES),
    )
    with embedder({first: 24, second: 48}) as url, Sandbox() as sandbox:
        generations = Generations(engine)
        generations.first(_model(url, first, 24))
        indexes = DenseIndexes(generations, EmbedderSettings(url=url), settings.chroma)
        store, leases, service = LocalStore(folder / "originals"), Leases(engine), Serving(engine)
        yield Workshop(
            engine=engine,
            registry=Registry(engine),
            leases=leases,
            serving=service,
            generations=generations,
            indexes=indexes,
            second=_model(url, second, 48),
            intake=Intake(
                registry=Registry(engine), store=store, queue=Queue(make_app("memory://")), max_bytes=1_000_000
            ),
            pipeline=Pipeline(
                settings=settings,
                leases=leases,
                serving=service,
                store=store,
                reader=Reader(sandbox=sandbox, limits=settings.parse),
                indexes=indexes,
                stopping=threading.Event(),
            ),
        )
    engine.dispose()
