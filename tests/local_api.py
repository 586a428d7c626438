"""The API's routes for documents, collections and sources, served from a registry of their own; no worker, no index."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import uvicorn
from fastapi import FastAPI

from api.problems import install_problems
from api.routes import collections, conversations, documents, sources
from ingest.accept import Intake
from ingest.queue import Queue, make_app
from ingest.sources.fetch import Fetcher
from ingest.sources.guard import Guard
from ingest.store.local import LocalStore
from rag.collections import Collections
from rag.conversations import Conversations
from rag.database import connect, migrate
from rag.generations import Generations
from rag.keys import Keys
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.settings import Settings, SourcesSettings
from rag.sources import Sources
from tests.rag.conftest import generation


@dataclass(frozen=True, kw_only=True)
class LocalApi:
    """A running API and what it works with."""

    url: str
    registry: Registry
    sources: Sources
    conversations: Conversations
    keys: Keys
    leases: Leases
    serving: Serving


@contextmanager
def local_api(folder: Path, *, allowed_hosts: str = "127.0.0.1", folders: str = "") -> Iterator[LocalApi]:
    """Serve on a free port of the loopback address, where the caller needs no key."""
    database = f"sqlite:///{folder / 'registry.db'}"
    migrate(database)
    engine = connect(database)
    registry, keys, registered = Registry(engine), Keys(engine), Sources(engine)
    kept = Conversations(engine, keep_days=30)
    Generations(engine).first(generation("model"))
    app = FastAPI()
    install_problems(app)
    for module in (collections, conversations, documents, sources):
        app.include_router(module.router)
    app.state.services = SimpleNamespace(
        settings=Settings(_env_file=None, sources=SourcesSettings(allowed_hosts=allowed_hosts, folders=folders)),
        registry=registry,
        collections=Collections(engine),
        keys=keys,
        sources=registered,
        conversations=kept,
        intake=Intake(
            registry=registry,
            store=LocalStore(folder / "originals"),
            queue=Queue(make_app("memory://")),
            max_bytes=100_000,
        ),
        fetcher=Fetcher(guard=Guard(allowed_hosts=allowed_hosts), max_bytes=100_000, total_s=5),
        fetching=threading.Semaphore(1),
    )
    with serving_app(app) as url:
        yield LocalApi(
            url=url,
            registry=registry,
            sources=registered,
            conversations=kept,
            keys=keys,
            leases=Leases(engine),
            serving=Serving(engine),
        )
    engine.dispose()


@contextmanager
def serving_app(app: FastAPI) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
