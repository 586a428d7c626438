"""The audit: every change of a document by whom, in the transaction that makes it, and no text."""

import pytest
from sqlalchemy import Engine

from rag.audit import AuditEntry, entries
from rag.errors import InvalidRequest
from rag.generations import Generations
from rag.registry import Registry
from tests.rag.conftest import ADMIN, generation, upload


def actions(found: list[AuditEntry]) -> list[str]:
    return [entry.action for entry in found]


def test_what_happens_to_a_document_is_written_down_newest_first(engine: Engine, registry: Registry) -> None:
    document, _ = registry.add(upload("old rules", source_id="hr/rules"), ADMIN)
    registry.add(upload("new rules", source_id="hr/rules"), ADMIN)
    registry.restore(document.id, 1, ADMIN)
    registry.delete(document.id, ADMIN)

    found = entries(engine, document_id=document.id, before=None, limit=10)

    assert actions(found) == ["document.deleted", "document.replaced", "document.replaced", "document.uploaded"]
    assert {entry.actor for entry in found} == {"admin"}
    assert found[1].detail == {"version": 3, "sha256": upload("old rules").sha256, "restored_from": 1}
    assert found[0].at >= found[3].at


def test_what_changes_nothing_is_not_written_down(engine: Engine, registry: Registry) -> None:
    document, _ = registry.add(upload("rules"), ADMIN)
    registry.add(upload("rules"), ADMIN)

    with pytest.raises(InvalidRequest):
        registry.restore(document.id, 1, ADMIN)

    assert actions(entries(engine, before=None, limit=10)) == ["document.uploaded"]


def test_the_audit_is_read_page_by_page_and_by_action(engine: Engine, registry: Registry) -> None:
    for number in range(3):
        registry.delete(registry.add(upload(f"rules {number}"), ADMIN)[0].id, ADMIN)

    first = entries(engine, before=None, limit=4)
    second = entries(engine, before=first[-1].id, limit=4)
    deleted = entries(engine, action="document.deleted", before=None, limit=4)

    assert (len(first), len(second), len(deleted)) == (4, 2, 3)
    assert len({entry.id for entry in first + second}) == 6


def test_changes_of_the_model_are_written_down(engine: Engine, generations: Generations) -> None:
    second = generations.build(generation("second"), "admin").id
    generations.switch(second, "admin")
    generations.drop(1, "admin")

    found = entries(engine, before=None, limit=9)

    assert actions(found) == ["generation.drop", "generation.switch", "generation.build"]
    assert found[1].detail == {"generation": second, "model": "second"}
