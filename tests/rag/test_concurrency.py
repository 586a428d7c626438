"""Workers, users and administrators at once, with kills, outages and lost leases: in the end all agree, and none waits
for another in a ring.
"""

import random
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from sqlalchemy import Engine, event, select, update

from ingest.pipeline import Pipeline
from ingest.read import Reader
from ingest.reconcile import reconcile
from ingest.store import Store
from rag.database import transaction
from rag.dense import Dense, DenseIndexes
from rag.errors import DocumentNotFound, GenerationNotReady, IndexUnavailable, InvalidRequest, MoveRefused
from rag.generations import Generations
from rag.leases import Leases
from rag.records import chunk_id
from rag.registry import Registry
from rag.serving import Serving
from rag.settings import Settings, WorkerSettings
from rag.tables import DocumentRow, WorkRow
from rag.types import Extracted, Status, Version
from rag.vectors import Vectors
from rag.work import Work
from tests.rag.conftest import ADMIN, extracted, generation, upload
from tests.workshop import Killed

SEED = 20261125
COLLECTIONS, NAMES, CONTENTS = ("hr", "wiki"), 5, 6
REFUSED = (DocumentNotFound, InvalidRequest, GenerationNotReady, MoveRefused)


@dataclass
class Vectorless:
    """An index of ids alone, in which calls fail and workers die now and then."""

    held: dict[tuple[str, str], str] = field(default_factory=dict)  # collection and chunk: document
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311
    is_calm: bool = False

    def _may_fail(self) -> None:
        if not self.is_calm and (dice := self.dice.random()) < 0.15:
            raise Killed if dice < 0.05 else IndexUnavailable("away") if dice < 0.1 else ZeroDivisionError

    def upsert(self, ids: Sequence[str], _vectors: Vectors, *, document_id: str, collection: str, **_: object) -> None:
        self._may_fail()
        self.held |= {(collection, key): document_id for key in ids}
        self._may_fail()

    def delete(self, ids: Sequence[str], collection: str | None = None) -> None:
        self._may_fail()
        for place in list(self.held):
            if place[1] in ids and collection in (None, place[0]):
                self.held.pop(place, None)

    def ids_of(self, document_id: str) -> set[str]:
        self._may_fail()
        return {key for (_, key), of in list(self.held.items()) if of == document_id}

    def keep_only(self, document_id: str, kept: Collection[str], collection: str) -> set[str]:
        self._may_fail()
        for place, of in list(self.held.items()):
            if of == document_id and (place[0] != collection or place[1] not in kept):
                self.held.pop(place, None)
        return self.ids_of(document_id)

    def ids(self) -> Iterator[list[str]]:
        yield [key for _, key in list(self.held)]

    def count(self) -> int:
        return len(self.held)

    def drop(self) -> None:
        self.held.clear()


@dataclass
class Indexes:
    """In place of `DenseIndexes`: an index without vectors for each generation."""

    generations: Generations
    opened: dict[int, Vectorless] = field(default_factory=dict)

    def _dense(self, one: Any) -> Dense:
        index = self.opened.setdefault(one.id, Vectorless())
        return cast("Dense", SimpleNamespace(generation=one, index=index, embedder=self))

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.zeros((len(texts), 2), dtype=np.float32)

    def serving(self) -> Dense:
        one = self.generations.serving()
        assert one is not None
        return self._dense(one)

    def all(self) -> list[Dense]:
        return [self._dense(one) for one in self.generations.all()]


class Reading(Pipeline):
    """A pipeline that reads a version's passages from its hash."""

    def _read(self, work: Work, version: Version, dense: Dense) -> Extracted:
        del dense
        return extracted(*(f"passage {n}" for n in range(int(version.sha256[:2], 16) % 3 + 1)))


def users(registry: Registry, generations: Generations) -> list[Callable[[random.Random], object]]:
    """Return what people do, the more often the more usual it is."""

    def add(dice: random.Random) -> object:
        name = f"source {dice.randrange(NAMES)}" if dice.random() < 0.8 else None
        content, collection = f"{dice.randrange(CONTENTS)}", dice.choice(COLLECTIONS)
        return registry.add(upload(content, collection=collection, source_id=name), ADMIN)

    def some(dice: random.Random) -> str:
        listed, _ = registry.documents(ADMIN, limit=9)
        return dice.choice(listed).id if listed else "doc_none"

    def some_generation(dice: random.Random) -> int:
        return dice.choice(generations.all()).id

    return [
        *[add] * 12,
        *[lambda dice: registry.delete(some(dice), ADMIN)] * 3,
        *[lambda dice: registry.reprocess(some(dice), ADMIN)] * 3,
        *[lambda dice: registry.restore(some(dice), 1, ADMIN)] * 2,
        *[lambda dice: registry.change(some(dice), ADMIN, collection=dice.choice(COLLECTIONS))] * 3,
        lambda _: generations.build(generation("another"), "admin"),
        *[lambda dice: generations.switch(some_generation(dice), "admin")] * 2,
        lambda dice: generations.drop(some_generation(dice), "admin"),
    ]


def time_passes(engine: Engine) -> None:
    """Let all leases run out and all delays end, also those of workers that are alive."""
    with transaction(engine, writes=False) as session:
        keys = session.scalars(select(WorkRow.id)).all()
    for key in keys:
        with transaction(engine, writes=True) as session:
            waiting, held = WorkRow.owner.is_(None), WorkRow.owner.is_not(None)
            session.execute(update(WorkRow).where(WorkRow.id == key, waiting).values(not_before=0.0))
            session.execute(update(WorkRow).where(WorkRow.id == key, held).values(lease_until=1.0))


def test_whatever_happens_at_once_index_and_registry_agree_in_the_end(engine: Engine) -> None:
    trouble: list[str] = []
    event.listen(engine, "handle_error", lambda context: trouble.append(str(context.original_exception)))
    generations, registry = Generations(engine), Registry(engine)
    generations.first(generation("first"))
    indexes, stopping = Indexes(generations), threading.Event()
    pipeline = Reading(
        settings=Settings(_env_file=None, worker=WorkerSettings(max_attempts=4)),
        leases=Leases(engine),
        serving=Serving(engine),
        store=cast("Store", SimpleNamespace(delete=lambda _sha256: None)),
        reader=cast("Reader", None),
        indexes=cast("DenseIndexes", indexes),
        stopping=threading.Event(),
    )

    def work(_: int) -> None:
        while not stopping.wait(0.001):
            try:
                pipeline.work_once()
            except Killed:
                continue

    def use(number: int) -> None:
        dice, actions = random.Random(SEED + number), users(registry, generations)  # noqa: S311
        for _ in range(50):
            try:
                dice.choice(actions)(dice)
            except REFUSED:
                continue

    def disturb(_: int) -> None:
        while not stopping.wait(0.05):
            time_passes(engine)
            reconcile(pipeline)

    with ThreadPoolExecutor(8) as pool:
        doing = [pool.submit(work, n) for n in range(4)] + [pool.submit(disturb, 0)]
        using = [pool.submit(use, n) for n in range(3)]
        try:
            for one in using:
                one.result()
        finally:
            stopping.set()
        for one in doing:
            one.result()
    settle(engine, pipeline, indexes)

    assert trouble == []
    assert wrong(engine, registry, pipeline, indexes) == []


def settle(engine: Engine, pipeline: Pipeline, indexes: Indexes) -> None:
    for index in indexes.opened.values():
        index.is_calm = True
    for _ in range(2):
        time_passes(engine)
        reconcile(pipeline)
        while pipeline.work_once():
            pass


def wrong(engine: Engine, registry: Registry, pipeline: Pipeline, indexes: Indexes) -> list[str]:
    """Return what is not as it must be when all is quiet."""
    found = []
    served = pipeline.serving.served_counts()
    where = {key: registry.document(key, ADMIN).collection for key in served}
    expected = {(where[key], chunk_id(key, one.version, n)) for key, one in served.items() for n in range(one.chunks)}
    for dense in indexes.all():
        held = set(indexes.opened[dense.generation.id].held)
        found += [f"generation {dense.generation.id} differs: {held ^ expected}"] * (held != expected)
        settled = pipeline.serving.is_settled(dense.generation.id, len(expected))
        found += [f"generation {dense.generation.id} is not settled"] * (not settled)
    for document in registry.documents(ADMIN, limit=500)[0]:
        last = {version.status for version in document.versions}
        found += [f"{document.id} is {last}"] * (not last <= {Status.READY, Status.FAILED})
        shown = document.serving is None or document.version(document.serving).status
        found += [f"{document.id} serves a version that is {shown}"] * (shown == Status.QUEUED)
    with transaction(engine, writes=False) as session:
        found += [f"{row.id} is left" for row in session.query(WorkRow)]
        unpurged = session.query(DocumentRow).where(
            DocumentRow.deleted_at.is_not(None), DocumentRow.purged_at.is_(None)
        )
        found += [f"{row.id} is not purged" for row in unpurged]
    return found
