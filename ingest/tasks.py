"""The worker: one thin task that does what is due, and a sweeper for work that no message told of."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable

from celery import Celery
from celery.signals import worker_shutting_down
from sqlalchemy import Engine

from ingest.accept import Intake
from ingest.orphans import remove_orphans
from ingest.parse.sandbox import Sandbox, missing_protections
from ingest.pipeline import Pipeline
from ingest.queue import WAKE, Queue, make_app
from ingest.read import Reader
from ingest.reconcile import reconcile
from ingest.sources.fetch import Fetcher
from ingest.sources.guard import Guard
from ingest.sources.run import SourceRunner
from ingest.store import Store, open_store
from rag.conversations import Conversations
from rag.database import connect
from rag.dense import DenseIndexes
from rag.errors import RagError
from rag.generations import Generations
from rag.leases import Leases
from rag.originals import Originals
from rag.registry import Registry
from rag.serving import Serving
from rag.settings import Settings
from rag.sources import Sources
from rag.traces import Traces

log = logging.getLogger(__name__)
for _chatty in ("celery.worker.request", "celery.worker.strategy", "celery.app.trace"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)  # a line for every wake-up says nothing
SWEEP_EVERY_S = 1.0
SEEN_EVERY_S = 5.0
COMPARE_EVERY_S = 10.0
RECONCILE_IDLE_S, RECONCILE_BUSY_S = 60.0, 3600.0  # while documents come in, the counts differ anyway
TIDY_EVERY_S = 86_400.0
FORGET_EVERY_S = 3600.0
FORGET_AFTER_S = 86_400.0  # workers that ended
SOURCES_AT_ONCE, SOURCES_EVERY_S = 2, 2.0  # a long crawl does not hold up the other sources


def run_worker(settings: Settings) -> None:
    """Serve the queue until told to stop. Its threads share the open parts; parsers run in processes of their own."""
    engine = connect(settings.database_url)
    indexes = DenseIndexes(Generations(engine), settings.embedder, settings.chroma)
    indexes.start()
    for line in missing_protections():
        log.warning(line)
    pipeline = Pipeline(
        settings=settings,
        leases=Leases(engine),
        serving=Serving(engine),
        store=open_store(settings),
        reader=Reader(sandbox=Sandbox(), limits=settings.parse),
        indexes=indexes,
        stopping=threading.Event(),
    )
    app = make_app(settings.broker.url.get_secret_value())
    kept = (Traces(engine, settings.trace), Conversations(engine, settings.conversation.keep_days))
    worker = Worker(pipeline, app, settings.worker.concurrency, Originals(engine), *kept)
    app.task(name=WAKE)(worker.work)
    worker_shutting_down.connect(lambda **_: pipeline.stopping.set(), weak=False)
    worker.start()
    runner = _source_runner(settings, engine, pipeline.store, Queue(app))
    for number in range(SOURCES_AT_ONCE):
        owner = f"{socket.gethostname()}:{os.getpid()}:source-{number}"
        threading.Thread(target=_read_sources, args=(runner, owner, pipeline.stopping), daemon=True).start()
    app.Worker(
        pool="threads",
        concurrency=settings.worker.concurrency,
        loglevel=settings.log.level,
        without_gossip=True,
        without_mingle=True,
    ).start()


def _source_runner(settings: Settings, engine: Engine, store: Store, queue: Queue) -> SourceRunner:
    max_bytes = settings.api.max_upload_bytes
    return SourceRunner(
        sources=Sources(engine),
        intake=Intake(registry=Registry(engine), store=store, queue=queue, max_bytes=max_bytes),
        fetcher=Fetcher(guard=Guard(allowed_hosts=settings.sources.allowed_hosts), max_bytes=max_bytes),
        folders=settings.sources.folders,
        lease_s=settings.worker.lease_s,
    )


def _read_sources(runner: SourceRunner, owner: str, stopping: threading.Event) -> None:
    """Bring registered sources up to date, each when it is due."""
    while not stopping.is_set():
        try:
            was_due = runner.run_due(owner)
        except Exception as exc:  # whatever it is, the source is due again when its lease runs out
            was_due = False
            log.warning("source not read", exc_info=exc)
        if not was_due:
            stopping.wait(SOURCES_EVERY_S)


class Worker:
    """What the threads of this process share."""

    def __init__(
        self,
        pipeline: Pipeline,
        app: Celery,
        slots: int,
        originals: Originals,
        traces: Traces,
        conversations: Conversations,
    ) -> None:
        self._pipeline, self._queue, self._slots = pipeline, Queue(app), slots
        self._originals, self._traces, self._conversations = originals, traces, conversations
        # A slot is always free of large documents, and not more of them are worked on than there are cores.
        self._large = threading.BoundedSemaphore(max(1, min(slots - 1, os.cpu_count() or 1)))
        self._busy = 0
        self._count = threading.Lock()
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._compared = -RECONCILE_BUSY_S

    def work(self) -> None:
        """Do what is due until there is no more."""
        self._change_busy(1)
        try:
            self._work()
        finally:
            self._change_busy(-1)

    def _change_busy(self, by: int) -> None:
        with self._count:
            self._busy += by

    def _work(self) -> None:
        while not self._pipeline.stopping.is_set():
            may_be_large = self._large.acquire(blocking=False)
            try:
                if not self._pipeline.work_once(small_only=not may_be_large):
                    return
            except RagError as exc:  # the registry is away: the sweeper wakes us again
                log.warning("no work to be had", extra={"error": exc.type})
                return
            finally:
                if may_be_large:
                    self._large.release()

    def start(self) -> list[threading.Thread]:
        """Start what goes on beside the work: sweeping, telling that it is alive, comparing, tidying."""
        beside = [
            (self.sweep, SWEEP_EVERY_S),
            (self.tell, SEEN_EVERY_S),
            (self.compare, COMPARE_EVERY_S),
            (self.tidy, TIDY_EVERY_S),
            (self.forget, FORGET_EVERY_S),
        ]
        threads = [threading.Thread(target=self._repeat, args=(do, every_s), daemon=True) for do, every_s in beside]
        for thread in threads:
            thread.start()
        return threads

    def sweep(self) -> None:
        """Wake for work whose lease ran out, whose retry is due, or whose message was lost; without a broker, do it."""
        idle = self._slots - self._busy
        wanted = min(self._pipeline.leases.due(), idle) if idle > 0 else 0
        if not all(self._queue.wake(expires_s=SWEEP_EVERY_S) for _ in range(wanted)):
            self.work()

    def tell(self) -> None:
        """Say that this worker is alive."""
        self._pipeline.leases.worker_seen(self._name, FORGET_AFTER_S)

    def compare(self) -> None:
        """Compare index and registry if it is time to: at the start, and then the sooner the less there is to do."""
        due = self._pipeline.leases.due()
        if time.monotonic() - self._compared > (RECONCILE_BUSY_S if due else RECONCILE_IDLE_S):
            reconcile(self._pipeline)
            self._compared = time.monotonic()

    def tidy(self) -> None:
        """Remove originals that nothing refers to."""
        remove_orphans(self._pipeline.store, self._originals)

    def forget(self) -> None:
        """Remove traces of answers and conversations that are older than they are to be kept."""
        self._traces.remove_old()
        self._conversations.remove_old()

    def _repeat(self, do: Callable[[], None], every_s: float) -> None:
        """Do it now and then until the worker stops. No error ends it: nobody would see that it is missing."""
        while not self._pipeline.stopping.is_set():
            try:
                do()
            except RagError as exc:
                log.warning("%s failed", do.__name__, extra={"error": exc.detail})
            except Exception:
                log.exception("%s failed", do.__name__)
            self._pipeline.stopping.wait(every_s)
