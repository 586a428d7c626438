"""Work: added once however often it is asked for, and what people are told while it waits."""

from sqlalchemy import Engine

from rag.database import transaction
from rag.leases import Leases
from rag.registry import Registry
from rag.tables import WorkRow
from rag.types import Document
from rag.work import Kind, add_work
from tests.rag.conftest import ADMIN, BROKEN, LEASE_S, RAN_OUT, take, upload


def added(registry: Registry, content: str = "rules") -> Document:
    return registry.add(upload(content), ADMIN)[0]


def ask(engine: Engine, document: Document) -> None:
    with transaction(engine, writes=True) as session:
        add_work(session, Kind.CLEAN, document.id)


def test_work_asked_for_twice_is_done_once(engine: Engine, registry: Registry, leases: Leases) -> None:
    document = added(registry)
    leases.done(take(leases, document).work)

    ask(engine, document)
    ask(engine, document)

    assert leases.due() == 1
    leases.done(take(leases, document, Kind.CLEAN).work)
    assert leases.due() == 0


def test_work_that_is_postponed_is_due_at_once_when_it_is_asked_for_again(
    engine: Engine, registry: Registry, leases: Leases
) -> None:
    document = added(registry)
    leases.done(take(leases, document).work)
    ask(engine, document)
    leases.postpone(take(leases, document, Kind.CLEAN).work, BROKEN, delay_s=600)

    ask(engine, document)

    assert leases.due() == 1


def test_work_asked_for_while_it_is_being_done_is_done_once_more(
    engine: Engine, registry: Registry, leases: Leases
) -> None:
    """Its holder may be past the place for which it is asked."""
    document = added(registry)
    leases.done(take(leases, document).work)
    ask(engine, document)
    first = take(leases, document, Kind.CLEAN).work

    ask(engine, document)
    assert leases.due() == 0
    leases.done(first)

    assert leases.due() == 1
    leases.done(take(leases, document, Kind.CLEAN).work)
    assert leases.due() == 0


def test_a_document_deleted_while_it_is_cleaned_is_cleaned_again_as_deleted(
    engine: Engine, registry: Registry, leases: Leases
) -> None:
    document = added(registry)
    ask(engine, document)
    cleaning = take(leases, document, Kind.CLEAN)

    registry.delete(document.id, ADMIN)
    leases.done(cleaning.work)

    assert not cleaning.is_deleted
    assert take(leases, document, Kind.CLEAN).is_deleted


def test_deleting_keeps_no_work_but_the_cleaning(engine: Engine, registry: Registry) -> None:
    document = added(registry)

    registry.delete(document.id, ADMIN)

    with transaction(engine, writes=False) as session:
        assert [row.kind for row in session.query(WorkRow)] == [Kind.CLEAN]


def test_what_waits_for_a_worker_says_how_much_is_before_it(registry: Registry, leases: Leases) -> None:
    leases.worker_seen("host:1", forget_after_s=60)
    for n in range(3):
        added(registry, f"rules {n}")
    last = added(registry, "last")

    assert registry.waiting(last) == "For a worker; 3 documents of its collection are before it."


def test_without_a_worker_it_is_stuck_and_says_what_to_do(registry: Registry, leases: Leases) -> None:
    document = added(registry)

    assert (registry.waiting(document) or "").startswith("Stuck: no worker is running. `rag up` starts one")
    leases.worker_seen("host:1", forget_after_s=60)
    assert "Stuck" not in (registry.waiting(document) or "")


def test_while_a_worker_is_on_it_it_does_not_wait(registry: Registry, leases: Leases) -> None:
    document = take(leases, added(registry)).document

    assert registry.waiting(document) is None


def test_a_worker_that_fell_silent_is_told_from_one_that_works(registry: Registry, leases: Leases) -> None:
    leases.worker_seen("host:1", forget_after_s=60)
    document = take(leases, added(registry), lease_s=RAN_OUT).document

    assert registry.waiting(document) == "Its worker was not heard from in time; another takes over."


def test_a_later_try_says_when_and_after_what(registry: Registry, leases: Leases) -> None:
    leases.worker_seen("host:1", forget_after_s=60)
    claim = take(leases, added(registry))
    leases.postpone(claim.work, BROKEN, delay_s=20)

    waiting = registry.waiting(registry.document(claim.document.id, ADMIN)) or ""

    assert waiting.startswith(("Tried again in 20 s", "Tried again in 19 s"))
    assert waiting.endswith("after: The document cannot be read. Save it anew.")


def test_what_is_done_does_not_wait(registry: Registry, leases: Leases) -> None:
    claim = take(leases, added(registry))
    leases.fail(claim.work, BROKEN)

    assert registry.waiting(registry.document(claim.document.id, ADMIN)) is None


def test_a_claim_takes_the_document_from_a_silent_holder_of_its_other_work(
    engine: Engine, registry: Registry, leases: Leases
) -> None:
    """Else the silent one, back again, would serve a version whose vectors the other removes just now."""
    document = added(registry)
    silent = take(leases, document, lease_s=RAN_OUT).work
    ask(engine, document)

    cleaning = take(leases, document, Kind.CLEAN).work

    assert not leases.renew(silent, LEASE_S)
    leases.done(cleaning)
    assert take(leases, document).work.attempts == 2
