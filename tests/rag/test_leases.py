"""Leases: who works on what, in which order, how it ends, and how often it is tried."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rag.leases import POISON, Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.types import Document, Status
from rag.work import Kind
from tests.rag.conftest import ADMIN, BROKEN, LEASE_S, RAN_OUT, finish, take, upload


def added(registry: Registry, content: str = "rules", **changes: object) -> Document:
    document, _ = registry.add(upload(content, **changes), ADMIN)
    return document


def claimed(leases: Leases, **options: int) -> list[str]:
    """Claim all that is due; return the documents in the order in which they were given."""
    found: list[str] = []
    while claim := leases.claim(f"worker {len(found)}", LEASE_S, **options):
        found.append(claim.document.id)
    return found


def test_a_lease_is_given_once_and_tells_what_to_work_on(registry: Registry, leases: Leases) -> None:
    document = added(registry)

    claim = leases.claim("first", LEASE_S)

    assert claim is not None
    assert claim.version is not None
    assert (claim.document.id, claim.work.kind, claim.is_deleted) == (document.id, Kind.INGEST, False)
    assert (claim.version.status, claim.version.attempts) == (Status.PROCESSING, 1)
    assert leases.claim("second", LEASE_S) is None


def test_only_one_of_many_workers_gets_a_lease(registry: Registry, leases: Leases) -> None:
    added(registry)

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda n: leases.claim(f"worker {n}", LEASE_S), range(8)))

    assert len([claim for claim in claims if claim]) == 1


def test_a_lease_that_ran_out_is_given_again_and_lost_to_its_first_holder(registry: Registry, leases: Leases) -> None:
    document = added(registry)
    first = take(leases, document, lease_s=RAN_OUT)

    second = take(leases, document)

    assert second.work.attempts == 2
    assert not leases.renew(first.work, LEASE_S)
    assert leases.renew(second.work, LEASE_S)


def test_a_renewed_lease_is_not_given_to_another(registry: Registry, leases: Leases) -> None:
    first = take(leases, added(registry), lease_s=RAN_OUT)

    assert leases.renew(first.work, LEASE_S)

    assert leases.claim("second", LEASE_S) is None


def test_finished_and_failed_work_is_not_given_to_anyone(registry: Registry, leases: Leases, serving: Serving) -> None:
    finish(leases, serving, added(registry, "finished"), "text")
    leases.fail(take(leases, added(registry, "failed")).work, BROKEN)

    assert leases.due() == 0
    assert leases.claim("late", LEASE_S) is None


def test_of_a_deleted_document_only_its_cleaning_is_left(registry: Registry, leases: Leases) -> None:
    registry.delete(added(registry).id, ADMIN)

    claim = leases.claim("worker", LEASE_S)

    assert claim is not None
    assert (claim.work.kind, claim.is_deleted) == (Kind.CLEAN, True)
    assert leases.claim("other", LEASE_S) is None


def test_a_document_is_cleaned_before_anything_else_is_done(registry: Registry, leases: Leases) -> None:
    added(registry, "waits for long")
    deleted = added(registry, "deleted")
    registry.delete(deleted.id, ADMIN)

    claim = leases.claim("worker", LEASE_S)

    assert claim is not None
    assert claim.document.id == deleted.id


def test_two_workers_never_work_on_the_same_document(registry: Registry, leases: Leases) -> None:
    document = added(registry, "old rules", source_id="hr/rules")
    added(registry, "new rules", source_id="hr/rules")
    work = take(leases, document).work
    registry.delete(document.id, ADMIN)

    while_held = leases.claim("second", LEASE_S)
    leases.release(work)

    assert while_held is None
    assert take(leases, document, Kind.CLEAN).is_deleted


def test_a_document_that_is_worked_on_does_not_hold_up_its_collection(registry: Registry, leases: Leases) -> None:
    busy = added(registry, "old rules", source_id="hr/rules")
    added(registry, "new rules", source_id="hr/rules")
    other = added(registry, "other")

    take(leases, busy)

    assert claimed(leases) == [other.id]


def test_collections_take_turns_however_much_one_of_them_brings(registry: Registry, leases: Leases) -> None:
    many = [added(registry, f"many {n}", collection="many").id for n in range(4)]
    few = [added(registry, f"few {n}", collection="few").id for n in range(2)]

    assert claimed(leases) == [few[0], many[0], few[1], many[1], many[2], many[3]]


def test_within_a_collection_what_waited_longest_is_next(registry: Registry, leases: Leases) -> None:
    documents = [added(registry, f"rules {n}").id for n in range(4)]

    assert claimed(leases) == documents


def test_a_worker_may_leave_large_documents_to_others(registry: Registry, leases: Leases) -> None:
    large = added(registry, "a" * 30)
    small = added(registry, "b")

    assert claimed(leases, max_bytes=10) == [small.id]
    assert claimed(leases) == [large.id]


def test_progress_is_shown_for_the_holder_of_the_lease_alone(registry: Registry, leases: Leases) -> None:
    document = added(registry)
    late = take(leases, document, lease_s=RAN_OUT).work
    work = take(leases, document).work

    leases.report(work, stage="embed", done=256, total=400, unit="chunks")
    leases.report(late, stage="parse", done=0, total=1, unit="documents")

    version = registry.document(document.id, ADMIN).latest
    assert (version.stage, version.done, version.total, version.unit) == ("embed", 256, 400, "chunks")


@pytest.mark.parametrize("ending", ["fail", "postpone", "release", "done"])
def test_a_late_holder_ends_nothing(registry: Registry, leases: Leases, ending: str) -> None:
    document = added(registry)
    late = take(leases, document, lease_s=RAN_OUT).work
    work = take(leases, document).work

    if ending == "fail":
        leases.fail(late, BROKEN)
    elif ending == "postpone":
        leases.postpone(late, BROKEN, delay_s=0)
    else:
        getattr(leases, ending)(late)

    assert leases.renew(work, LEASE_S)
    assert registry.document(document.id, ADMIN).latest.status == Status.PROCESSING


def test_a_failed_version_says_why(registry: Registry, leases: Leases) -> None:
    document = added(registry)

    leases.fail(take(leases, document).work, BROKEN)

    version = registry.document(document.id, ADMIN).latest
    assert (version.status, version.failure, version.stage) == (Status.FAILED, BROKEN, None)


def test_postponed_work_is_due_after_its_delay_and_not_before(registry: Registry, leases: Leases) -> None:
    later, soon = added(registry, "later"), added(registry, "soon")

    leases.postpone(take(leases, later).work, BROKEN, delay_s=60)
    leases.postpone(take(leases, soon).work, BROKEN, delay_s=-1)

    assert leases.due() == 1
    assert claimed(leases) == [soon.id]
    version = registry.document(later.id, ADMIN).latest
    assert (version.status, version.failure) == (Status.QUEUED, BROKEN)


def test_work_given_back_by_a_stopping_worker_is_due_at_once_and_not_counted(
    registry: Registry, leases: Leases
) -> None:
    document = added(registry)

    for _ in range(9):
        leases.release(take(leases, document).work)

    assert leases.due() == 1
    assert registry.document(document.id, ADMIN).latest.status == Status.QUEUED


def test_a_document_that_ends_its_workers_ends_as_failed_and_lets_the_next_one_pass(
    registry: Registry, leases: Leases
) -> None:
    poison, other = added(registry, "poison"), added(registry, "other")
    for _ in range(3):
        assert take(leases, poison, lease_s=RAN_OUT)

    claim = leases.claim("worker", LEASE_S, max_strikes=3)

    assert claim is not None
    assert claim.document.id == other.id
    version = registry.document(poison.id, ADMIN).latest
    assert (version.status, version.failure) == (Status.FAILED, POISON)


def test_a_failed_document_may_be_tried_again_from_the_start(registry: Registry, leases: Leases) -> None:
    document = added(registry)
    for _ in range(3):
        take(leases, document, lease_s=RAN_OUT)
    assert leases.claim("worker", LEASE_S, max_strikes=3) is None

    registry.reprocess(document.id, ADMIN)

    assert leases.claim("worker", LEASE_S, max_strikes=1) is not None


def test_what_does_not_answer_is_no_strike_and_any_other_trouble_is(registry: Registry, leases: Leases) -> None:
    document = added(registry)
    for _ in range(9):
        leases.postpone(take(leases, document).work, BROKEN, delay_s=-1)
    assert leases.claim("worker", RAN_OUT, max_strikes=1) is not None

    leases.postpone(take(leases, document).work, BROKEN, delay_s=-1, strike=True)

    assert leases.claim("worker", LEASE_S, max_strikes=2) is None
    assert registry.document(document.id, ADMIN).latest.status == Status.FAILED


def test_a_document_that_keeps_failing_in_one_way_is_failed_for_that_reason(registry: Registry, leases: Leases) -> None:
    document = added(registry)
    leases.postpone(take(leases, document).work, BROKEN, delay_s=-1, strike=True)

    assert leases.claim("worker", LEASE_S, max_strikes=1) is None

    version = registry.document(document.id, ADMIN).latest
    assert (version.status, version.failure) == (Status.FAILED, BROKEN)


def test_cleaning_is_never_given_up(registry: Registry, leases: Leases) -> None:
    document = added(registry)
    registry.delete(document.id, ADMIN)

    for _ in range(9):
        take(leases, document, Kind.CLEAN, lease_s=RAN_OUT)

    assert leases.claim("worker", LEASE_S, max_strikes=1) is not None


def test_workers_are_alive_while_they_say_so_and_forgotten_later(leases: Leases) -> None:
    leases.worker_seen("host:1", forget_after_s=60)
    leases.worker_seen("host:2", forget_after_s=60)
    leases.worker_seen("host:2", forget_after_s=60)

    assert leases.workers(seen_within_s=60) == 2
    assert leases.workers(seen_within_s=-60) == 0
    leases.worker_seen("host:3", forget_after_s=-60)
    assert leases.workers(seen_within_s=60) == 0
