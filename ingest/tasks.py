"""The worker: two thin tasks, and a sweeper that finds work which nobody holds."""

import logging
import threading

from celery import Celery
from celery.signals import worker_ready

from ingest.chunk import Chunker
from ingest.parse.sandbox import Sandbox, missing_protections
from ingest.pipeline import Pipeline
from ingest.queue import INGEST, PURGE, Queue, make_app
from ingest.read import Reader
from ingest.store import Store
from rag.database import connect
from rag.embed import Embedder
from rag.errors import RagError
from rag.index import Index
from rag.leases import Leases, Work
from rag.settings import Settings

log = logging.getLogger(__name__)
SWEEP_EVERY_S = 2.0


def run_worker(settings: Settings) -> None:
    """Serve the queue until told to stop. Threads share one model; parsers run in processes of their own."""
    embedder = Embedder(settings.embedder)
    for line in missing_protections():
        log.warning(line)
    reader = Reader(
        sandbox=Sandbox(),
        chunker=Chunker(settings.embedder.model, embedder.max_tokens, settings.chunk),
        limits=settings.parse,
    )
    pipeline = Pipeline(
        settings=settings,
        leases=Leases(connect(settings.database_url)),
        store=Store(settings.data_dir / "originals"),
        reader=reader,
        embedder=embedder,
        index=Index(settings.chroma.url, embedder),
    )
    pipeline.restore_index()
    app = make_app(settings.broker.url.get_secret_value(), settings.worker.lease_s)
    _register(app, pipeline)
    sweeper = threading.Thread(target=_sweep_forever, args=(pipeline, Queue(app)), daemon=True)
    worker_ready.connect(lambda **_: sweeper.start(), weak=False)
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


def _sweep_forever(pipeline: Pipeline, queue: Queue) -> None:
    """Wake a worker for work whose lease ran out, whose retry is due, or whose message was lost."""
    while True:
        try:
            for work in pipeline.leases.take_due(hold_s=pipeline.settings.worker.lease_s):
                queue.wake(work)
        except RagError as exc:
            log.warning("sweep failed", extra={"error": exc.detail})
        threading.Event().wait(SWEEP_EVERY_S)
