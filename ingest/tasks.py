"""The worker: two thin tasks, and a sweeper that finds work which nobody holds."""

import logging
import os
import socket
import threading

from celery import Celery
from celery.signals import worker_ready

from ingest.accept import Intake
from ingest.chunk import Chunker
from ingest.pipeline import Pipeline
from ingest.queue import INGEST, PURGE, Queue, make_app
from ingest.sources.fetch import Fetcher
from ingest.sources.guard import Guard
from ingest.sources.run import SourceRunner
from ingest.store import Store
from rag.database import connect
from rag.embed import Embedder
from rag.errors import RagError
from rag.index import Index
from rag.leases import Leases, Work
from rag.registry import Registry
from rag.settings import Settings
from rag.sources import Sources

log = logging.getLogger(__name__)
SWEEP_EVERY_S = 2.0
SOURCES_AT_ONCE = 2  # a long crawl does not hold up the other sources


def run_worker(settings: Settings) -> None:
    """Serve the queue until told to stop. Threads share one model; parsers run in processes of their own."""
    embedder = Embedder(settings.embedder)
    pipeline = Pipeline(
        settings=settings,
        leases=Leases(connect(settings.database_url)),
        store=Store(settings.data_dir / "originals"),
        chunker=Chunker(embedder, settings.chunk),
        embedder=embedder,
        index=Index(settings.chroma.url, embedder),
    )
    pipeline.restore_index()
    app = make_app(settings.broker.url.get_secret_value(), settings.worker.lease_s)
    _register(app, pipeline)
    threads = [threading.Thread(target=_sweep_forever, args=(pipeline, Queue(app)), daemon=True)]
    runner = _source_runner(settings, Queue(app), pipeline.store)
    for number in range(SOURCES_AT_ONCE):
        owner = f"{socket.gethostname()}:{os.getpid()}:source-{number}"
        threads.append(threading.Thread(target=_read_sources_forever, args=(runner, owner), daemon=True))
    worker_ready.connect(lambda **_: _start(threads), weak=False)
    app.Worker(
        pool="threads", concurrency=settings.worker.concurrency, loglevel=settings.log.level, without_gossip=True
    ).start()


def _register(app: Celery, pipeline: Pipeline) -> None:
    def ingest(document_id: str, version: int) -> None:
        pipeline.ingest(Work(document_id=document_id, version=version))

    def purge(document_id: str) -> None:
        pipeline.purge(document_id)

    app.task(name=INGEST)(ingest)
    app.task(name=PURGE)(purge)


def _start(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()


def _sweep_forever(pipeline: Pipeline, queue: Queue) -> None:
    """Wake a worker for work whose lease ran out, whose retry is due, or whose message was lost."""
    while True:
        try:
            for work in pipeline.leases.take_due(hold_s=pipeline.settings.worker.lease_s):
                queue.wake(work)
        except RagError as exc:
            log.warning("sweep failed", extra={"error": exc.detail})
        threading.Event().wait(SWEEP_EVERY_S)


def _source_runner(settings: Settings, queue: Queue, store: Store) -> SourceRunner:
    engine = connect(settings.database_url)
    max_bytes = settings.api.max_upload_bytes
    return SourceRunner(
        sources=Sources(engine),
        intake=Intake(registry=Registry(engine), store=store, queue=queue, max_bytes=max_bytes),
        fetcher=Fetcher(guard=Guard(allowed_hosts=settings.sources.allowed_hosts), max_bytes=max_bytes),
        folders=settings.sources.folders,
        lease_s=settings.worker.lease_s,
    )


def _read_sources_forever(runner: SourceRunner, owner: str) -> None:
    """Bring registered sources up to date, each when it is due."""
    while True:
        try:
            was_due = runner.run_due(owner)
        except Exception as exc:  # whatever it is, the source is due again when its lease runs out
            was_due = False
            log.warning("source not read", exc_info=exc)
        if not was_due:
            threading.Event().wait(SWEEP_EVERY_S)
