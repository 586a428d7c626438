"""A file on its way in: what is refused leaves nothing, and what comes while its like is purged is there."""

from typing import Any

import pytest

from rag.errors import Forbidden, UnsupportedFormat
from rag.types import Principal, Scope
from tests.workshop import ADMIN, Workshop

VISITOR = Principal(name="visitor", scopes=frozenset({Scope.DOCUMENTS_WRITE}))
SIX = "Six days of leave."


def originals(workshop: Workshop) -> int:
    return len(
        [path for path in workshop.pipeline.settings.data_dir.joinpath("originals").rglob("*") if path.is_file()]
    )


def test_an_accepted_file_is_stored_and_queued(workshop: Workshop) -> None:
    document = workshop.add(SIX)

    assert originals(workshop) == 1
    with workshop.intake.store.local(document.latest.sha256) as original:
        assert original.read_text().endswith(SIX)
    assert workshop.leases.due() == 1


def test_a_file_that_no_parser_reads_leaves_nothing(workshop: Workshop) -> None:
    with pytest.raises(UnsupportedFormat):
        workshop.add(SIX, filename="program.exe")

    assert originals(workshop) == 0


def test_a_file_that_is_refused_leaves_nothing_and_takes_nothing_from_others(workshop: Workshop) -> None:
    workshop.add(SIX, source_id="hr/pay", access=["finance"])
    refused: dict[str, Any] = {"source_id": "hr/pay", "principal": VISITOR}

    with pytest.raises(Forbidden):
        workshop.add("Another text.", **refused)
    with pytest.raises(Forbidden):
        workshop.add(SIX, "More.", **refused)

    assert originals(workshop) == 1
    assert workshop.work() == 1
    assert workshop.found("leave") == [SIX]


def test_the_original_of_a_document_purged_just_now_is_stored_again(workshop: Workshop) -> None:
    deleted = workshop.add(SIX)
    workshop.registry.delete(deleted.id, ADMIN)

    document = workshop.add(SIX, before_record=workshop.work)

    assert workshop.intake.store.exists(document.latest.sha256)
    workshop.work()
    assert workshop.found("leave") == [SIX]
