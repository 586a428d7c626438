"""Deletion: at once for every reader, and soon nothing is left, proven by query, whoever was at work."""

import pytest

from rag.audit import entries
from rag.errors import DocumentNotFound, EmbedderMismatch, IndexUnavailable
from rag.types import Document
from tests.workshop import ADMIN, Killed, Workshop, once, raising

SIX, SEVEN, EIGHT = "Six days of leave.", "Seven nights of rest.", "Eight weeks of notice."


def served(workshop: Workshop, *sections: str, **named: str) -> Document:
    document = workshop.add(*sections, **named)
    workshop.work()
    return document


def is_purged(workshop: Workshop, document: Document) -> bool:
    found = entries(workshop.engine, document_id=document.id, action="document.purged", before=None, limit=9)
    return len(found) == 1


def is_gone(workshop: Workshop, document: Document) -> bool:
    """Tell whether nothing is left: no vector in any generation, no original, and the registry says so."""
    vectors = {key for dense in workshop.indexes.all() for key in dense.index.ids_of(document.id)}
    originals = [one for one in document.versions if workshop.intake.store.exists(one.sha256)]
    return not vectors and not originals and is_purged(workshop, document)


def test_a_deleted_document_is_not_found_although_no_worker_runs(workshop: Workshop) -> None:
    document = served(workshop, SIX, SEVEN)

    workshop.registry.delete(document.id, ADMIN)

    assert workshop.found("leave") == []
    assert len(workshop.vectors()) == 2
    with pytest.raises(DocumentNotFound):
        workshop.document(document)


def test_soon_nothing_is_left_of_any_version_in_any_generation(workshop: Workshop) -> None:
    served(workshop, SIX, source_id="hr/leave")
    workshop.add(EIGHT, source_id="hr/leave")
    workshop.build()
    document = served(workshop, SEVEN, source_id="hr/leave")

    workshop.registry.delete(document.id, ADMIN)
    workshop.work()

    assert len(document.versions) == 3
    assert is_gone(workshop, document)
    assert workshop.is_consistent()


def test_a_document_deleted_while_it_is_ingested_is_never_shown_and_soon_gone(workshop: Workshop) -> None:
    document = workshop.add(SIX)
    delete = once(lambda: workshop.registry.delete(document.id, ADMIN))

    workshop.with_hooks(serving={"switch": delete}).work_once()

    assert workshop.found("leave") == []
    workshop.work()
    assert is_gone(workshop, document)


def test_a_document_deleted_while_its_old_vectors_are_cleaned_is_soon_gone(workshop: Workshop) -> None:
    document = served(workshop, SIX, source_id="hr/leave")
    workshop.add(EIGHT, source_id="hr/leave")
    workshop.pipeline.work_once()

    workshop.with_hooks(index={"keep_only": once(lambda: workshop.registry.delete(document.id, ADMIN))}).work_once()
    workshop.work()

    assert is_gone(workshop, document)


@pytest.mark.parametrize(
    "hooks",
    [
        {"index": {"keep_only": raising(Killed())}},
        {"serving": {"purge": raising(Killed())}},
        {"store": {"delete": raising(Killed())}},
        {"leases": {"done": raising(Killed())}},
    ],
    ids=["before the vectors", "before the rest", "before the original", "after all"],
)
def test_a_worker_may_be_killed_while_it_purges(workshop: Workshop, hooks: dict[str, object]) -> None:
    document = served(workshop, SIX, SEVEN)
    workshop.registry.delete(document.id, ADMIN)

    workshop.die(workshop.with_hooks(**hooks))
    workshop.work()

    assert is_gone(workshop, document)


@pytest.mark.parametrize("error", [IndexUnavailable("away"), EmbedderMismatch("other"), ZeroDivisionError()])
def test_a_purge_is_never_given_up(workshop: Workshop, error: Exception) -> None:
    document = served(workshop, SIX)
    workshop.registry.delete(document.id, ADMIN)
    broken = workshop.with_hooks(index={"keep_only": raising(error)})

    for _ in range(6):
        assert broken.work_once()
        workshop.time_passes()
    workshop.work()

    assert is_gone(workshop, document)


def test_vectors_that_a_late_worker_brings_after_the_purge_are_removed_again(workshop: Workshop) -> None:
    document = workshop.add(SIX, SEVEN)

    gone: list[bool] = []

    def meanwhile() -> None:
        workshop.registry.delete(document.id, ADMIN)
        workshop.time_passes()
        workshop.work()
        gone.append(is_gone(workshop, document))

    workshop.with_hooks(index={"upsert": once(meanwhile)}).work_once()
    workshop.work()

    assert gone == [True]
    assert is_gone(workshop, document)


def test_vectors_that_a_late_worker_brings_to_another_generation_are_removed_again(workshop: Workshop) -> None:
    document = served(workshop, SIX, SEVEN)
    workshop.build()

    gone: list[bool] = []

    def meanwhile() -> None:
        workshop.registry.delete(document.id, ADMIN)
        workshop.time_passes()
        workshop.work()
        gone.append(is_gone(workshop, document))

    workshop.with_hooks(index={"upsert": once(meanwhile)}).work_once()
    workshop.work()

    assert gone == [True]
    assert is_gone(workshop, document)


def test_the_same_bytes_uploaded_anew_outlive_the_purge_of_the_deleted_document(workshop: Workshop) -> None:
    deleted = served(workshop, SIX)
    workshop.registry.delete(deleted.id, ADMIN)

    document = workshop.add(SIX)
    workshop.work()

    assert is_purged(workshop, deleted)
    assert workshop.intake.store.exists(document.latest.sha256)
    assert workshop.found("leave") == [SIX]
    assert workshop.is_consistent()
