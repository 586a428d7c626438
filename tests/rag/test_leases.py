"""Leases: who works on a version, how it ends, and what becomes of deleted documents."""

from concurrent.futures import ThreadPoolExecutor

from rag.leases import Leases, Work, chunk_id
from rag.registry import Registry
from rag.types import Document, Status
from tests.rag.conftest import ADMIN, BROKEN, LEASE_S, RAN_OUT, finish, passages, shown, upload, work_on


def added(registry: Registry, content: str = "rules") -> tuple[Document, Work]:
    document, _ = registry.add(upload(content, source_id="hr/rules"), ADMIN)
    return document, work_on(document)


def test_a_lease_is_given_once_and_tells_what_to_work_on(registry: Registry, leases: Leases) -> None:
    document, work = added(registry)

    claimed = leases.claim(work, "first", LEASE_S)

    assert claimed is not None
    assert claimed[0].id == document.id
    assert (claimed[1].status, claimed[1].attempts) == (Status.PROCESSING, 1)
    assert leases.claim(work, "second", LEASE_S) is None
    assert leases.claim(work, "first", LEASE_S) is None


def test_only_one_of_many_workers_gets_a_lease(registry: Registry, leases: Leases) -> None:
    _, work = added(registry)

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda n: leases.claim(work, f"worker {n}", LEASE_S), range(8)))

    assert len([claim for claim in claims if claim]) == 1


def test_a_lease_that_ran_out_is_given_again_and_lost_to_its_first_holder(registry: Registry, leases: Leases) -> None:
    _, work = added(registry)
    leases.claim(work, "first", RAN_OUT)

    claimed = leases.claim(work, "second", LEASE_S)

    assert claimed is not None
    assert claimed[1].attempts == 2
    assert not leases.renew(work, "first", LEASE_S)
    assert leases.renew(work, "second", LEASE_S)


def test_a_renewed_lease_is_not_given_to_another(registry: Registry, leases: Leases) -> None:
    _, work = added(registry)
    leases.claim(work, "first", RAN_OUT)

    assert leases.renew(work, "first", LEASE_S)

    assert leases.claim(work, "second", LEASE_S) is None


def test_finished_failed_and_deleted_work_is_not_given_to_anyone(registry: Registry, leases: Leases) -> None:
    finished, _ = registry.add(upload("finished"), ADMIN)
    finish(leases, finished, "text")
    failed, _ = registry.add(upload("failed"), ADMIN)
    leases.claim(work_on(failed), "worker", LEASE_S)
    leases.fail(work_on(failed), "worker", BROKEN)
    deleted, _ = registry.add(upload("deleted"), ADMIN)
    registry.delete(deleted.id, ADMIN)

    for document in (finished, failed, deleted):
        assert leases.claim(work_on(document), "late", LEASE_S) is None


def test_progress_is_shown_for_the_holder_of_the_lease_alone(registry: Registry, leases: Leases) -> None:
    document, work = added(registry)
    leases.claim(work, "first", LEASE_S)

    leases.report(work, "first", stage="embed", done=256, total=400, unit="chunks")
    leases.report(work, "second", stage="parse", done=0, total=1, unit="documents")

    version = registry.document(document.id, ADMIN).latest
    assert (version.stage, version.done, version.total, version.unit) == ("embed", 256, 400, "chunks")


def test_finishing_serves_the_passages_and_clears_the_failure_of_an_earlier_try(
    registry: Registry, leases: Leases
) -> None:
    document, work = added(registry)
    leases.claim(work, "worker", LEASE_S)
    leases.postpone(work, "worker", BROKEN, delay_s=0)

    assert finish(leases, document, "six days", "seven days")

    found = registry.document(document.id, ADMIN)
    assert (found.serving, found.latest.status, found.latest.chunks) == (1, Status.READY, 2)
    assert found.latest.failure is None
    assert shown(registry, found) == ["six days", "seven days"]


def test_finishing_after_the_lease_was_lost_changes_nothing(registry: Registry, leases: Leases) -> None:
    document, work = added(registry)
    leases.claim(work, "first", RAN_OUT)
    leases.claim(work, "second", LEASE_S)

    served = leases.finish(work, "first", title="Late", text="late", pages=None, chunks=passages("late"))

    found = registry.document(document.id, ADMIN)
    assert not served
    assert (found.serving, found.latest.status, found.latest.chunks) == (None, Status.PROCESSING, 0)
    assert shown(registry, found) == []


def test_finishing_a_deleted_document_changes_nothing(registry: Registry, leases: Leases) -> None:
    document, work = added(registry)
    leases.claim(work, "worker", LEASE_S)
    registry.delete(document.id, ADMIN)

    served = leases.finish(work, "worker", title="Late", text="late", pages=None, chunks=passages("late"))

    assert not served
    assert shown(registry, document) == []


def test_finishing_twice_doubles_nothing(registry: Registry, leases: Leases) -> None:
    document, _ = added(registry)
    finish(leases, document, "six days", "seven days")
    registry.reprocess(document.id, ADMIN)

    assert finish(leases, document, "six days", "seven days")

    assert shown(registry, document) == ["six days", "seven days"]


def test_an_older_version_that_finishes_late_does_not_replace_the_newer_one(registry: Registry, leases: Leases) -> None:
    _, slow = added(registry, "old rules")
    leases.claim(slow, "slow", LEASE_S)
    document, _ = added(registry, "new rules")
    finish(leases, document, "eight days")

    served = leases.finish(slow, "slow", title="Old", text="six days", pages=None, chunks=passages("six days"))

    found = registry.document(document.id, ADMIN)
    assert not served
    assert found.serving == 2
    assert [version.status for version in found.versions] == [Status.READY, Status.READY]
    assert shown(registry, found) == ["eight days"]


def test_a_deleted_document_is_not_purged_while_its_worker_renews_the_lease(registry: Registry, leases: Leases) -> None:
    document, work = added(registry)
    leases.claim(work, "worker", RAN_OUT)
    registry.delete(document.id, ADMIN)

    assert leases.renew(work, "worker", LEASE_S)

    assert not leases.is_purgeable(document.id)
    assert leases.take_due(hold_s=LEASE_S) == []


def test_new_work_is_left_to_its_uploader_at_first(registry: Registry, leases: Leases) -> None:
    added(registry)

    assert leases.take_due(hold_s=LEASE_S) == []


def test_work_whose_lease_ran_out_is_due_once_within_the_hold(registry: Registry, leases: Leases) -> None:
    _, work = added(registry)
    leases.claim(work, "gone", RAN_OUT)

    assert leases.take_due(hold_s=LEASE_S) == [work]
    assert leases.take_due(hold_s=LEASE_S) == []
    assert leases.claim(work, "next", LEASE_S) is not None


def test_work_is_due_again_after_the_hold(registry: Registry, leases: Leases) -> None:
    _, work = added(registry)
    leases.claim(work, "gone", RAN_OUT)

    assert leases.take_due(hold_s=RAN_OUT) == [work]
    assert leases.take_due(hold_s=LEASE_S) == [work]


def test_due_work_comes_oldest_first_and_no_more_than_asked_for(registry: Registry, leases: Leases) -> None:
    works = [work_on(registry.add(upload(f"rules {n}"), ADMIN)[0]) for n in range(3)]
    for work in works:
        leases.claim(work, "gone", RAN_OUT)

    assert leases.take_due(hold_s=LEASE_S, limit=2) == works[:2]
    assert leases.take_due(hold_s=LEASE_S, limit=2) == works[2:]


def test_postponed_work_is_due_after_its_delay_and_not_before(registry: Registry, leases: Leases) -> None:
    _, later = added(registry)
    leases.claim(later, "worker", LEASE_S)
    leases.postpone(later, "worker", BROKEN, delay_s=60)
    soon = work_on(registry.add(upload("soon"), ADMIN)[0])
    leases.claim(soon, "worker", LEASE_S)
    leases.postpone(soon, "worker", BROKEN, delay_s=-1)

    assert leases.take_due(hold_s=LEASE_S) == [soon]
    version = registry.document(later.document_id, ADMIN).latest
    assert (version.status, version.failure) == (Status.QUEUED, BROKEN)


def test_a_deleted_document_is_due_for_purging_once_within_the_hold(registry: Registry, leases: Leases) -> None:
    document, _ = added(registry)
    finish(leases, document, "six days")
    registry.delete(document.id, ADMIN)

    assert leases.take_due(hold_s=LEASE_S) == [Work(document_id=document.id, version=0)]
    assert leases.take_due(hold_s=LEASE_S) == []


def test_a_deleted_document_stays_due_until_it_is_forgotten(registry: Registry, leases: Leases) -> None:
    document, _ = added(registry)
    finish(leases, document, "six days")
    registry.delete(document.id, ADMIN)

    before = leases.take_due(hold_s=RAN_OUT)
    leases.forget(document.id, lambda _sha256: None)

    assert before == [Work(document_id=document.id, version=0)]
    assert leases.take_due(hold_s=RAN_OUT) == []


def test_purging_waits_for_a_live_lease(registry: Registry, leases: Leases) -> None:
    document, work = added(registry)
    leases.claim(work, "worker", LEASE_S)
    registry.delete(document.id, ADMIN)
    waiting = leases.is_purgeable(document.id)

    leases.fail(work, "worker", BROKEN)

    assert not waiting
    assert leases.is_purgeable(document.id)


def test_a_live_document_is_never_purged(registry: Registry, leases: Leases) -> None:
    document, _ = added(registry)
    finish(leases, document, "six days")

    assert not leases.is_purgeable(document.id)
    assert not leases.is_purgeable("doc_unknown")


def test_an_original_that_another_document_shares_is_kept(registry: Registry, leases: Leases) -> None:
    deleted, _ = registry.add(upload("rules"), ADMIN)
    finish(leases, deleted, "six days")
    registry.add(upload("rules", collection="archive"), ADMIN)

    alone, _ = registry.add(upload("other rules"), ADMIN)
    removed: list[str] = []

    for document in (deleted, alone):
        registry.delete(document.id, ADMIN)
        leases.forget(document.id, removed.append)

    assert removed == [alone.latest.sha256]


def test_a_lost_index_is_filled_from_what_serves_and_nothing_else(registry: Registry, leases: Leases) -> None:
    serving, work = added(registry)
    finish(leases, serving, "six days")
    failed, _ = registry.add(upload("failed"), ADMIN)
    leases.claim(work_on(failed), "worker", LEASE_S)
    leases.fail(work_on(failed), "worker", BROKEN)
    deleted, _ = registry.add(upload("deleted"), ADMIN)
    finish(leases, deleted, "gone")
    registry.delete(deleted.id, ADMIN)

    assert leases.requeue_all() == 1
    assert Work(document_id=serving.id, version=1) in leases.take_due(hold_s=LEASE_S)
    assert work == Work(document_id=serving.id, version=1)


def test_the_same_chunk_has_the_same_id_whenever_it_is_made() -> None:
    assert chunk_id(Work(document_id="doc_7", version=2), 5) == "doc_7.2.5"
