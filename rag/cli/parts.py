"""The service's parts that have a URL: what each is and whether it answers from here. No secret is shown."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing

import anyio
from kombu.exceptions import OperationalError

from ingest.queue import Queue, make_app
from ingest.store import open_store
from rag.cli.checks import Check
from rag.database import connect, shown
from rag.engines import EngineState
from rag.errors import RagError
from rag.registry import Registry
from rag.rerank import Reranker
from rag.routing import open_routing
from rag.settings import Settings


def part_checks(settings: Settings) -> Iterator[Check]:
    """Yield the registry, the store and, where there are any, broker, reranker and engines. Nothing is made."""
    yield _registry(settings)
    yield _store(settings)
    if broker := settings.broker.url.get_secret_value():
        kind = "Redis" if broker.startswith("redis") else "RabbitMQ"
        yield _asked("broker", f"{kind} {shown(broker)}", Queue(make_app(broker)).ping)
    if settings.reranker.model:
        yield _reranker(settings)
    yield from _engines(settings)


def _registry(settings: Settings) -> Check:
    file = settings.data_dir / "registry.db"
    if not settings.database.url and not file.exists():
        return Check(name="registry", ok=None, detail=f"SQLite {file}, made at the first start")
    kind = "SQLite" if settings.database_url.startswith("sqlite") else "PostgreSQL"

    def ping() -> None:
        engine = connect(settings.database_url)
        try:
            Registry(engine).ping()
        finally:
            engine.dispose()

    return _asked("registry", f"{kind} {shown(settings.database_url)}", ping)


def _store(settings: Settings) -> Check:
    if settings.store.url:
        server = settings.store.endpoint or "AWS_ENDPOINT_URL, or Amazon"
        return _asked("store", f"S3 {settings.store.url} at {server}", lambda: open_store(settings).ping())
    folder = settings.data_dir / "originals"
    if not folder.exists():
        return Check(name="store", ok=None, detail=f"folder {folder}, made at the first start")
    return _asked("store", f"folder {folder}", lambda: open_store(settings).ping())


def _reranker(settings: Settings) -> Check:
    model, url = settings.reranker.model, settings.reranker_url
    if not url:  # a process that `rag up` starts
        try:
            return Check(name="reranker", ok=None, detail=f"folder {settings.reranker.folder()}, loaded at the start")
        except RagError as exc:
            return Check(name="reranker", ok=False, detail=exc.detail)
    with closing(Reranker(model, url)) as reranker:
        return _asked("reranker", f"{model} at {url}", reranker.ping)


def _engines(settings: Settings) -> Iterator[Check]:
    """Yield each engine of each generator, external ones, too."""
    try:
        states = anyio.run(_states, settings)
    except RagError as exc:
        yield Check(name="generator", ok=False, detail=exc.detail)
        return
    for one in states:
        detail = f"{shown(one.url)} answers: {one.model}" if one.is_ok else f"{shown(one.url)} does not answer"
        yield Check(name=one.generator, ok=one.is_ok, detail=detail)


async def _states(settings: Settings) -> list[EngineState]:
    routing = open_routing(settings.generator, os.environ, None)
    return await routing.states(ask_external=True) if routing else []


def _asked(name: str, what: str, ping: Callable[[], None]) -> Check:
    try:
        ping()
    except (RagError, OperationalError) as exc:
        said = exc.detail if isinstance(exc, RagError) else str(exc)
        return Check(name=name, ok=False, detail=f"{what} does not answer: {' '.join(said.split())}")
    return Check(name=name, ok=True, detail=f"{what} answers")
