"""The document's story without a queue: whatever ends a worker at whatever place, index and registry come to agree."""

import pytest

from rag.errors import IndexUnavailable, RegistryUnavailable
from rag.types import Status
from tests.workshop import ADMIN, MAX_STRIKES, Killed, Workshop, once, raising

SIX, SEVEN, EIGHT = "Six days of leave.", "Seven nights of rest.", "Eight weeks of notice."


def test_a_document_is_found_once_it_is_ready(workshop: Workshop) -> None:
    document = workshop.add(SIX, SEVEN)
    before = workshop.found("days of leave")

    workshop.work()

    ready = workshop.document(document)
    assert before == []
    assert (ready.latest.status, ready.serving, ready.latest.chunks) == (Status.READY, 1, 2)
    assert workshop.found("days of leave")[0] == SIX
    assert workshop.is_consistent()


@pytest.mark.parametrize(
    "hooks",
    [
        {"store": {"local": raising(Killed())}},
        {"index": {"upsert": raising(Killed())}},
        {"serving": {"switch": raising(Killed())}},
    ],
    ids=["before it is read", "before its vectors are stored", "between vectors and switch"],
)
@pytest.mark.parametrize("is_new", [True, False], ids=["a new document", "a new version"])
def test_a_worker_may_be_killed_anywhere(workshop: Workshop, hooks: dict[str, object], is_new: bool) -> None:
    if not is_new:
        workshop.add(EIGHT, SEVEN, source_id="hr/leave")
        workshop.work()
    document = workshop.add(SIX, source_id="hr/leave")

    workshop.die(workshop.with_hooks(**hooks))
    during = workshop.found("notice")
    workshop.work()

    assert during == ([] if is_new else [EIGHT, SEVEN])
    assert workshop.document(document).latest.status == Status.READY
    assert workshop.found("leave") == [SIX]
    assert workshop.is_consistent()


@pytest.mark.parametrize("error", [IndexUnavailable("away"), RegistryUnavailable("away")])
def test_what_does_not_answer_is_no_strike_however_long_it_is_away(workshop: Workshop, error: Exception) -> None:
    document = workshop.add(SIX)
    away = workshop.with_hooks(index={"upsert": raising(error)})

    for _ in range(MAX_STRIKES * 2):
        assert away.work_once()
        workshop.time_passes()

    waiting = workshop.document(document).latest
    assert (waiting.status, waiting.failure and waiting.failure.detail) == (Status.QUEUED, "away")
    workshop.work()
    assert workshop.found("leave") == [SIX]


def test_a_document_that_cannot_be_embedded_fails_with_the_reason_and_the_next_is_served(workshop: Workshop) -> None:
    poison, good = workshop.add("POISON in a bottle."), workshop.add(SIX)

    workshop.work()

    failed = workshop.document(poison).latest
    assert failed.status == Status.FAILED
    assert failed.failure is not None
    assert failed.failure.type == "passage-too-long"
    assert "too long" in failed.failure.detail
    assert workshop.document(good).latest.status == Status.READY
    assert workshop.is_consistent()


def test_a_document_that_kills_every_worker_fails_and_the_next_is_served(workshop: Workshop) -> None:
    poison, good = workshop.add(SIX), workshop.add(SEVEN)
    for _ in range(MAX_STRIKES):
        workshop.die(workshop.with_hooks(store={"local": raising(Killed())}))

    workshop.work()

    failed = workshop.document(poison).latest
    assert (failed.status, failed.failure and failed.failure.type) == (Status.FAILED, "worker-lost")
    assert workshop.document(good).latest.status == Status.READY


def test_an_error_that_nobody_foresaw_is_tried_again_and_then_given_as_the_reason(workshop: Workshop) -> None:
    document = workshop.add(SIX)
    broken = workshop.with_hooks(index={"upsert": raising(ZeroDivisionError())})

    for _ in range(MAX_STRIKES + 1):
        broken.work_once()
        workshop.time_passes()

    failed = workshop.document(document).latest
    assert failed.status == Status.FAILED
    assert failed.failure is not None
    assert failed.failure.detail.startswith("ZeroDivisionError")


def test_a_failed_new_version_leaves_the_old_one_serving(workshop: Workshop) -> None:
    document = workshop.add(SIX, source_id="hr/leave")
    workshop.work()

    workshop.add("POISON in a bottle.", source_id="hr/leave")
    workshop.work()

    found = workshop.document(document)
    assert (found.serving, found.latest.status) == (1, Status.FAILED)
    assert workshop.found("leave") == [SIX]
    assert workshop.is_consistent()


def test_a_new_version_takes_the_old_vectors_with_it(workshop: Workshop) -> None:
    document = workshop.add(SIX, SEVEN, source_id="hr/leave")
    workshop.work()

    workshop.add(EIGHT, source_id="hr/leave")
    workshop.work()

    assert workshop.vectors() == {f"{document.id}.2.0"}
    assert workshop.found("notice") == [EIGHT]


def test_reprocessing_into_fewer_passages_leaves_no_vector_of_the_others(workshop: Workshop) -> None:
    document = workshop.add(SIX, SEVEN, EIGHT)
    workshop.work()
    workshop.registry.reprocess(document.id, ADMIN)
    with workshop.intake.store.local(document.latest.sha256) as original:
        original.write_text(f"# Part 0\n\n{SIX}")  # as if a better reader found less in it
    workshop.work()

    assert workshop.vectors() == {f"{document.id}.1.0"}
    assert workshop.is_consistent()


def test_the_same_bytes_again_are_no_work(workshop: Workshop) -> None:
    workshop.add(SIX)
    workshop.work()

    workshop.add(SIX, filename="copy.md")

    assert workshop.work() == 0


def test_a_late_worker_that_brings_vectors_after_another_was_done_leaves_none_too_many(workshop: Workshop) -> None:
    """It stood still before its upsert; meanwhile the work was taken over, and a new version came."""

    def meanwhile() -> None:
        workshop.time_passes()
        workshop.work()
        workshop.add(EIGHT, source_id="hr/leave")
        workshop.work()

    workshop.add(SIX, SEVEN, source_id="hr/leave")
    workshop.with_hooks(index={"upsert": once(meanwhile)}).work_once()

    during = workshop.found("notice leave rest")
    workshop.work()

    assert during == [EIGHT]
    assert workshop.is_consistent()


def test_a_late_worker_serves_nothing_whose_vectors_are_being_cleaned(workshop: Workshop) -> None:
    """It stood still between upsert and switch; another began to clean the document, and then it went on."""
    document = workshop.add(SIX, source_id="hr/leave")
    workshop.work()
    workshop.add(EIGHT, source_id="hr/leave")

    def meanwhile() -> None:
        workshop.time_passes()
        workshop.leases.ask_to_clean([document.id])
        workshop.pipeline.work_once()

    late = workshop.with_hooks(serving={"switch": once(meanwhile)})
    late.work_once()
    during = workshop.found("notice")
    workshop.work()

    assert during == [SIX]
    assert workshop.found("notice") == [EIGHT]
    assert workshop.is_consistent()


def test_a_superseded_version_leaves_no_vector_and_stays_restorable(workshop: Workshop) -> None:
    document = workshop.add(SIX, source_id="hr/leave")
    workshop.with_hooks(index={"upsert": raising(IndexUnavailable("away"))}).work_once()
    workshop.add(EIGHT, source_id="hr/leave")
    workshop.work()
    workshop.time_passes()

    workshop.work()

    assert [one.status for one in workshop.document(document).versions] == [Status.READY, Status.READY]
    assert workshop.found("notice") == [EIGHT]
    assert workshop.is_consistent()
    workshop.registry.restore(document.id, 1, ADMIN)
    workshop.work()
    assert workshop.found("leave") == [SIX]
    assert workshop.is_consistent()


def test_a_stopping_worker_gives_its_work_back(workshop: Workshop) -> None:
    document = workshop.add(SIX)
    workshop.pipeline.stopping.set()

    assert workshop.pipeline.work_once()

    assert workshop.document(document).latest.status == Status.QUEUED
    workshop.pipeline.stopping.clear()
    assert workshop.work() == 1
