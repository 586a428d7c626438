"""Epochs: whatever changes what answers may rest on gives its collection another one, for good."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from rag.database import transaction
from rag.epochs import changed, read_basis
from rag.generations import Generations
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving, Switch
from rag.types import Document
from rag.work import Kind
from tests.rag.conftest import ADMIN, extracted, finish, generation, take, upload

TOLD_WITHIN_S = 30.0


def epoch(engine: Engine, collection: str = "default") -> int:
    return read_basis(engine, [collection]).epochs[collection]


@pytest.fixture
def served(registry: Registry, leases: Leases, serving: Serving) -> Document:
    document, _ = registry.add(upload("six days", source_id="hr/leave"), ADMIN)
    finish(leases, serving, document, "six days")
    return document


def change_access(registry: Registry, _: Document) -> None:
    registry.add(upload("six days", source_id="hr/leave", access=["finance"]), ADMIN)


def change_metadata(registry: Registry, _: Document) -> None:
    registry.add(upload("six days", source_id="hr/leave", metadata={"owner": "HR"}), ADMIN)


def delete(registry: Registry, document: Document) -> None:
    registry.delete(document.id, ADMIN)


def release(registry: Registry, document: Document) -> None:
    registry.release(document.id, "hr/leave", ADMIN)


@pytest.mark.parametrize("change", [change_access, change_metadata, delete, release])
def test_what_hides_or_opens_a_document_changes_the_epoch(
    engine: Engine, registry: Registry, served: Document, change: Callable[[Registry, Document], None]
) -> None:
    before = epoch(engine)

    change(registry, served)

    assert epoch(engine) != before


def test_a_version_changes_it_when_it_comes_to_serve_and_not_when_it_is_uploaded(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving, served: Document
) -> None:
    before = epoch(engine)
    registry.add(upload("seven days", source_id="hr/leave"), ADMIN)
    uploaded = epoch(engine)

    finish(leases, serving, served, "seven days")

    assert uploaded == before != epoch(engine)


def test_restoring_and_reprocessing_change_it(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving, served: Document
) -> None:
    registry.add(upload("seven days", source_id="hr/leave"), ADMIN)
    finish(leases, serving, served, "seven days")
    seen = {epoch(engine)}
    registry.restore(served.id, 1, ADMIN)
    finish(leases, serving, served, "six days")
    seen.add(epoch(engine))
    registry.reprocess(served.id, ADMIN)
    finish(leases, serving, served, "six days")

    assert len({*seen, epoch(engine)}) == 3


def test_vectors_that_the_serving_index_lacked_change_it_and_those_of_another_do_not(
    engine: Engine, leases: Leases, serving: Serving, generations: Generations, served: Document
) -> None:
    generations.build(generation("second"), "admin")
    seen = [epoch(engine)]
    serving.reindexed(take(leases, served, Kind.REINDEX).work)
    seen.append(epoch(engine))
    serving.ask_to_index([served.id], 1)
    serving.reindexed(take(leases, served, Kind.REINDEX).work)
    seen.append(epoch(engine))
    serving.mark_indexed({served.id: 1}, 2)
    seen.append(epoch(engine))
    serving.mark_indexed({served.id: 1}, 1)

    assert seen[0] == seen[1] != seen[2] == seen[3] != epoch(engine)


def test_an_upload_that_changes_nothing_and_another_collection_leave_it(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving, served: Document
) -> None:
    before = epoch(engine)
    registry.add(upload("six days", source_id="hr/leave"), ADMIN)
    other, _ = registry.add(upload("wiki page", collection="wiki"), ADMIN)
    finish(leases, serving, other, "wiki page")

    assert epoch(engine) == before
    assert served.collection == "default"


def test_a_switch_of_generations_and_a_new_collection_are_another_basis(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving, generations: Generations, served: Document
) -> None:
    seen = [read_basis(engine, None)]
    generations.build(generation("second"), "admin")
    serving.reindexed(take(leases, served, Kind.REINDEX).work)
    generations.switch(2, "admin")
    seen.append(read_basis(engine, None))
    registry.add(upload("wiki page", collection="wiki"), ADMIN)

    assert [one.generation for one in seen] == [1, 2]
    assert read_basis(engine, None).epochs.keys() == {"default", "wiki"}


def test_what_is_not_committed_is_not_seen_and_of_two_at_once_both_count(engine: Engine, served: Document) -> None:
    before, second = epoch(engine), list[int]()
    is_begun = threading.Event()

    def change_too() -> None:
        is_begun.set()
        with transaction(engine, writes=True) as session:
            changed(session, "default")
        second.append(epoch(engine))

    with ThreadPoolExecutor(1) as pool:
        with transaction(engine, writes=True) as session:
            changed(session, served.collection)
            other = pool.submit(change_too)
            assert is_begun.wait(TOLD_WITHIN_S)
            assert epoch(engine) == before
            assert not second
        other.result(TOLD_WITHIN_S)

    assert epoch(engine) == second[0] != before


def test_an_upload_and_a_switch_of_the_same_document_at_once_do_not_wait_for_each_other(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving, served: Document
) -> None:
    def serve(worker: str) -> Switch | None:
        while (claim := leases.claim(worker, 30.0)) and claim.work.kind != Kind.INGEST:
            leases.done(claim.work)  # cleaning, of which nothing is left to do here
        return serving.switch(claim.work, extracted("six days"), 1) if claim else None

    def replace(n: int) -> None:
        if n % 2:
            registry.add(upload("six days", source_id="hr/leave", metadata={"n": n}), ADMIN)
        else:
            registry.reprocess(served.id, ADMIN)
            serve(f"worker {n}")  # may be lost: another thread gives the same document to be processed again

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(replace, range(24)))

    registry.reprocess(served.id, ADMIN)
    assert serve("last") == Switch.SERVED
