"""The worker's threads: they do what no message told of, with a broker or without, and survive what nobody foresaw."""

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from sqlalchemy import Engine

from bench.service import free_port, wait_until
from ingest.pipeline import Pipeline
from ingest.queue import make_app
from ingest.tasks import Worker
from rag.conversations import Conversations
from rag.leases import Leases
from rag.originals import Originals
from rag.settings import TraceSettings
from rag.traces import Traces
from rag.types import Document, Status
from tests.workshop import ADMIN, Hooked, Workshop, connect_hurried, once, raising

SIX = "Six days of leave."


def kept(engine: Engine) -> tuple[Traces, Conversations]:
    return Traces(engine, TraceSettings()), Conversations(engine, keep_days=30)


@contextmanager
def running(pipeline: Pipeline, broker: str = "memory://") -> Iterator[None]:
    """Run a worker's own threads; with a broker in memory nobody takes its messages."""
    pipeline.stopping.clear()
    engine = connect_hurried(pipeline.settings.database_url)
    threads = Worker(pipeline, make_app(broker), 2, Originals(engine), *kept(engine)).start()
    try:
        yield
    finally:
        pipeline.stopping.set()
        for thread in threads:
            thread.join(10)
        engine.dispose()


def is_ready(workshop: Workshop, document: Document) -> Callable[[], bool]:
    return lambda: workshop.document(document).latest.status == Status.READY


def test_without_a_broker_the_sweeper_does_the_work(workshop: Workshop) -> None:
    document = workshop.add(SIX)

    with running(workshop.pipeline, f"redis://127.0.0.1:{free_port()}/0"):
        wait_until(is_ready(workshop, document))

    assert workshop.found("leave") == [SIX]


def test_a_sweeper_that_works_itself_still_says_that_its_worker_is_alive(workshop: Workshop) -> None:
    """Else the service would call itself stuck, although it works."""
    workshop.add(SIX)
    began, go_on, was_told = threading.Event(), threading.Event(), list[bool]()

    def long_work() -> None:
        began.set()
        was_told.append(go_on.wait(20))

    slow = workshop.with_hooks(index={"upsert": once(long_work)})
    with running(slow, f"redis://127.0.0.1:{free_port()}/0"):
        assert began.wait(20)
        seen = workshop.leases.workers(seen_within_s=600)
        workshop.leases.worker_seen("other", forget_after_s=-600)
        forgotten = workshop.leases.workers(seen_within_s=600)
        wait_until(lambda: workshop.leases.workers(seen_within_s=600) == 1)
        go_on.set()

    assert (seen, forgotten, was_told) == (1, 0, [True])


def test_the_index_is_compared_with_the_registry_at_the_start(workshop: Workshop) -> None:
    document = workshop.add(SIX)
    workshop.work()
    workshop.indexes.serving().index.delete([f"{document.id}.1.0"])

    with running(workshop.pipeline, f"redis://127.0.0.1:{free_port()}/0"):
        wait_until(workshop.is_consistent)


def test_an_error_that_nobody_foresaw_ends_no_thread(workshop: Workshop) -> None:
    document = workshop.add(SIX)
    leases = cast("Leases", Hooked(workshop.leases, due=once(raising(ZeroDivisionError()))))

    with running(replace(workshop.pipeline, leases=leases), f"redis://127.0.0.1:{free_port()}/0"):
        wait_until(is_ready(workshop, document))


def test_an_old_original_that_nothing_refers_to_is_removed_at_the_start(workshop: Workshop) -> None:
    sha256 = workshop.add(SIX).latest.sha256
    orphan, _ = workshop.intake.store.put(io.BytesIO(b"never recorded"))
    for path in workshop.pipeline.settings.data_dir.glob("originals/??/*"):
        os.utime(path, times=(0, 0))

    with running(workshop.pipeline):
        wait_until(lambda: not workshop.intake.store.exists(orphan))

    assert workshop.intake.store.exists(sha256)


def test_a_worker_wakes_others_for_what_is_due(workshop: Workshop) -> None:
    for n in range(3):
        workshop.add(f"{SIX} {n}", filename=f"{n}.md")
    app = make_app("memory://")
    sent: list[str] = []
    app.send_task = lambda name, **_: sent.append(name)
    worker = Worker(workshop.pipeline, app, 2, Originals(workshop.engine), *kept(workshop.engine))

    worker.sweep()
    workshop.registry.delete(workshop.add(SIX).id, ADMIN)

    assert sent == ["ingest.wake", "ingest.wake"]
    worker.work()
    assert workshop.leases.due() == 0
    assert workshop.is_consistent()
