"""Serving: the switch of versions, what each generation must hold, and the end of a deleted document."""

import threading

import pytest
from sqlalchemy import Engine, select

from rag.audit import entries
from rag.database import transaction
from rag.generations import Generations
from rag.leases import Leases
from rag.records import chunk_id
from rag.registry import Registry
from rag.serving import Serving, Switch
from rag.tables import ChunkRow, DocumentRow, IdempotencyRow, IndexedRow, SourceIdRow, VersionRow, WorkRow
from rag.types import Document, Status
from rag.work import Kind
from tests.rag.conftest import (
    ADMIN,
    BROKEN,
    LEASE_S,
    RAN_OUT,
    extracted,
    finish,
    generation,
    make_due,
    shown,
    take,
    upload,
)


def added(registry: Registry, content: str = "rules", **changes: object) -> Document:
    return registry.add(upload(content, **{"source_id": "hr/rules", **changes}), ADMIN)[0]


def served(registry: Registry, leases: Leases, serving: Serving, *texts: str) -> Document:
    document = added(registry)
    finish(leases, serving, document, *texts)
    return document


def second_generation(generations: Generations) -> int:
    return generations.build(generation("second", 3), "admin").id


def test_switching_serves_the_passages_and_clears_the_failure_of_an_earlier_try(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = added(registry)
    leases.postpone(take(leases, document).work, BROKEN, delay_s=-1)

    assert finish(leases, serving, document, "six days", "seven days") == Switch.SERVED

    found = registry.document(document.id, ADMIN)
    assert (found.serving, found.latest.status, found.latest.chunks) == (1, Status.READY, 2)
    assert (found.latest.failure, found.latest.stage) == (None, None)
    assert shown(registry, found) == ["six days", "seven days"]
    assert leases.due() == 0


def test_a_switch_after_the_lease_was_lost_changes_nothing(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = added(registry)
    late = take(leases, document, lease_s=RAN_OUT).work
    take(leases, document)

    assert serving.switch(late, extracted("late"), 1) == Switch.LOST

    found = registry.document(document.id, ADMIN)
    assert (found.serving, found.latest.status, found.latest.chunks) == (None, Status.PROCESSING, 0)
    assert shown(registry, found) == []


def test_a_deleted_document_is_not_served(registry: Registry, leases: Leases, serving: Serving) -> None:
    document = added(registry)
    work = take(leases, document).work
    registry.delete(document.id, ADMIN)

    assert serving.switch(work, extracted("late"), 1) == Switch.LOST
    assert shown(registry, document) == []


def test_switching_again_doubles_nothing(registry: Registry, leases: Leases, serving: Serving) -> None:
    document = served(registry, leases, serving, "six days", "seven days", "eight days")
    registry.reprocess(document.id, ADMIN)

    assert finish(leases, serving, document, "six days", "seven days") == Switch.SERVED

    assert shown(registry, document) == ["six days", "seven days"]


def test_a_new_version_has_the_old_vectors_removed_and_a_first_one_does_not(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = served(registry, leases, serving, "six days")
    after_first = leases.due()
    added(registry, "new rules")

    finish(leases, serving, document, "eight days")

    assert after_first == 0
    assert take(leases, document, Kind.CLEAN).work.document_id == document.id


def test_an_older_version_that_finishes_late_does_not_replace_the_newer_one(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = added(registry, "old rules")
    old = take(leases, document).work
    leases.postpone(old, BROKEN, delay_s=600)
    added(registry, "new rules")
    finish(leases, serving, document, "eight days")
    make_due(engine, old)

    switched = finish(leases, serving, document, "six days")

    found = registry.document(document.id, ADMIN)
    assert switched == Switch.SUPERSEDED
    assert found.serving == 2
    assert [version.status for version in found.versions] == [Status.READY, Status.READY]
    assert shown(registry, found) == ["eight days"]


def test_a_version_embedded_for_a_generation_that_no_longer_serves_begins_again(
    registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    document = added(registry)
    work = take(leases, document).work
    second = second_generation(generations)
    generations.switch(second, "admin")

    assert serving.switch(work, extracted("six days"), 1) == Switch.MOVED
    generations.drop(1, "admin")
    assert serving.switch(work, extracted("six days"), 1) == Switch.MOVED

    assert shown(registry, document) == []
    assert serving.switch(work, extracted("six days"), second) == Switch.SERVED


def test_every_other_generation_is_to_be_filled_with_what_is_served(
    registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    second = second_generation(generations)

    document = served(registry, leases, serving, "six days")

    work = take(leases, document, Kind.REINDEX).work
    assert (work.version, work.generation) == (1, second)
    assert serving.is_indexed(document.id, 1)
    assert not serving.is_indexed(document.id, second)
    assert serving.reindexed(work)
    assert serving.is_indexed(document.id, second)


def test_a_generation_filled_with_a_version_that_was_replaced_is_not_complete(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    second = second_generation(generations)
    document = served(registry, leases, serving, "six days")
    old = take(leases, document, Kind.REINDEX).work
    leases.postpone(old, BROKEN, delay_s=600)
    added(registry, "new rules")
    finish(leases, serving, document, "eight days")
    leases.done(take(leases, document, Kind.CLEAN).work)
    make_due(engine, old)

    work = take(leases, document, Kind.REINDEX).work
    assert serving.reindexed(work)

    assert work.version == 1
    assert not serving.is_indexed(document.id, second)
    assert take(leases, document, Kind.REINDEX).work.version == 2


def test_vectors_that_came_late_are_told_to_who_brought_them(
    registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    second_generation(generations)
    document = served(registry, leases, serving, "six days")
    late = take(leases, document, Kind.REINDEX, lease_s=RAN_OUT).work
    take(leases, document, Kind.REINDEX)

    assert not serving.reindexed(late)


def test_a_version_seen_in_a_generation_is_not_taken_for_the_one_that_replaced_it(
    registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    second = second_generation(generations)
    document = served(registry, leases, serving, "six days")
    seen = serving.served_counts()
    leases.done(take(leases, document, Kind.REINDEX).work)
    added(registry, "new rules")
    finish(leases, serving, document, "eight days")

    serving.mark_indexed({document.id: seen[document.id].version}, second)

    assert not serving.is_indexed(document.id, second)
    serving.mark_indexed({document.id: 2}, second)
    assert serving.is_indexed(document.id, second)


def test_what_serves_is_counted_and_nothing_else(registry: Registry, leases: Leases, serving: Serving) -> None:
    document = served(registry, leases, serving, "six days", "seven days")
    failed, _ = registry.add(upload("failed"), ADMIN)
    leases.fail(take(leases, failed).work, BROKEN)
    deleted, _ = registry.add(upload("deleted"), ADMIN)
    finish(leases, serving, deleted, "gone")
    registry.delete(deleted.id, ADMIN)

    counts = serving.served_counts()

    assert {key: (one.version, one.chunks) for key, one in counts.items()} == {document.id: (1, 2)}
    assert serving.is_settled(1, 2)
    assert not serving.is_settled(1, 3)
    assert serving.served_ids([f"{document.id}.1.0", f"{document.id}.2.0", f"{deleted.id}.1.0", "doc_x.1.0"]) == {
        f"{document.id}.1.0"
    }
    assert [chunk.text for chunk in serving.served_chunks(document.id)[1]] == ["six days", "seven days"]
    assert serving.served_chunks(deleted.id) == (0, [])


def test_what_a_generation_lacks_is_filled_in_again(registry: Registry, leases: Leases, serving: Serving) -> None:
    document = served(registry, leases, serving, "six days")
    deleted, _ = registry.add(upload("deleted"), ADMIN)
    finish(leases, serving, deleted, "gone")
    registry.delete(deleted.id, ADMIN)

    serving.ask_to_index([document.id, deleted.id], 1)

    assert not serving.is_settled(1, 1)
    work = take(leases, document, Kind.REINDEX).work
    assert (work.version, work.generation) == (1, 1)
    assert leases.claim("worker", LEASE_S) is not None  # the cleaning of the deleted one
    assert leases.claim("worker", LEASE_S) is None


def purge(leases: Leases, serving: Serving, document: Document) -> list[str]:
    removed: list[str] = []
    work = take(leases, document, Kind.CLEAN).work
    serving.purge(work, removed.append)
    leases.done(work)
    return removed


def test_a_purged_document_leaves_nothing_but_the_proof(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = added(registry, metadata={"owner": "People"}, access=["finance"], idempotency_key="42")
    finish(leases, serving, document, "six days")
    added(registry, "new rules")
    registry.delete(document.id, ADMIN)

    removed = purge(leases, serving, document)

    assert sorted(removed) == sorted(version.sha256 for version in (upload("rules"), upload("new rules")))
    with transaction(engine, writes=False) as session:
        for table in (ChunkRow, IndexedRow, VersionRow, IdempotencyRow, SourceIdRow, WorkRow):
            assert session.scalars(select(table)).all() == []
        row = session.get_one(DocumentRow, document.id)
        assert (row.meta, row.access, row.serving) == ({}, [], None)
        assert row.purged_at is not None
        assert row.deleted_at is not None
        assert row.purged_at >= row.deleted_at
    actions = [entry.action for entry in entries(engine, document_id=document.id, before=None, limit=9)]
    assert actions == ["document.purged", "document.deleted", "document.replaced", "document.uploaded"]


def test_an_original_that_another_document_shares_is_kept(registry: Registry, leases: Leases, serving: Serving) -> None:
    shared, alone = added(registry, "rules"), added(registry, "other rules", source_id="hr/other")
    added(registry, "rules", collection="archive")
    for document in (shared, alone):
        registry.delete(document.id, ADMIN)

    assert purge(leases, serving, shared) == []
    assert purge(leases, serving, alone) == [alone.latest.sha256]


def test_a_purge_after_the_lease_was_lost_removes_nothing(registry: Registry, leases: Leases, serving: Serving) -> None:
    document = served(registry, leases, serving, "six days")
    registry.delete(document.id, ADMIN)
    late = take(leases, document, Kind.CLEAN, lease_s=RAN_OUT).work
    take(leases, document, Kind.CLEAN)

    serving.purge(late, pytest.fail)


def test_vectors_that_come_after_the_purge_are_cleaned_and_the_proof_stays(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = served(registry, leases, serving, "six days")
    registry.delete(document.id, ADMIN)
    work = take(leases, document, Kind.CLEAN).work

    leases.ask_to_clean([document.id])  # a late worker brought vectors while this one was past them
    serving.purge(work, lambda _sha256: None)
    leases.done(work)

    assert purge(leases, serving, document) == []
    purged = entries(engine, document_id=document.id, action="document.purged", before=None, limit=9)
    assert len(purged) == 1


@pytest.mark.parametrize("collection", ["default", "new"])
def test_the_same_bytes_cannot_come_in_while_their_original_is_removed(
    registry: Registry, leases: Leases, serving: Serving, collection: str
) -> None:
    document = added(registry)
    registry.delete(document.id, ADMIN)
    coming = threading.Thread(target=lambda: added(registry, collection=collection))
    came_in: list[bool] = []

    def remove(_sha256: str) -> None:
        coming.start()
        coming.join(0.3)
        came_in.append(not coming.is_alive())

    serving.purge(take(leases, document, Kind.CLEAN).work, remove)
    coming.join()

    assert came_in == [False]


def test_the_same_chunk_has_the_same_id_whenever_it_is_made() -> None:
    assert chunk_id("doc_7", 2, 5) == "doc_7.2.5"
