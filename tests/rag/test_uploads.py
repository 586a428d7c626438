"""Uploads: which document they mean, when several names share one, and when it is deleted meanwhile."""

import pytest
from sqlalchemy import Engine

from rag.database import transaction
from rag.errors import DocumentNotFound, InvalidRequest
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.tables import SourceIdRow
from rag.types import Document, Principal, Scope, Status
from tests.rag.conftest import ADMIN, BROKEN, VISITOR, finish, shown, take, upload

FINANCE = Principal(name="finance", scopes=frozenset({Scope.SEARCH}), groups=frozenset({"finance"}))


def added(registry: Registry, content: str, source_id: str | None = None, **changes: object) -> Document:
    return registry.add(upload(content, source_id=source_id, **changes), ADMIN)[0]


def test_names_share_a_document_while_their_bytes_are_the_same(registry: Registry) -> None:
    added(registry, "rules", "hr/rules")

    document = added(registry, "rules", "wiki/rules")

    assert document.source_ids == ("hr/rules", "wiki/rules")
    assert len(document.versions) == 1


def test_a_name_whose_bytes_change_leaves_the_document_to_the_others(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    shared = added(registry, "rules", "hr/rules")
    added(registry, "rules", "wiki/rules")
    finish(leases, serving, shared, "six days")

    changed = added(registry, "new rules", "wiki/rules")

    assert changed.id != shared.id
    assert changed.source_ids == ("wiki/rules",)
    assert registry.document(shared.id, ADMIN).source_ids == ("hr/rules",)
    assert shown(registry, shared) == ["six days"]


def test_a_name_that_leaves_a_shared_document_keeps_its_groups_and_metadata(registry: Registry) -> None:
    for name in ("hr/pay", "wiki/pay"):
        added(registry, "salaries", name, access=["finance"], metadata={"owner": "HR"})

    changed = added(registry, "new salaries", "wiki/pay")

    assert (changed.access, changed.metadata) == (("finance",), {"owner": "HR"})
    with pytest.raises(DocumentNotFound):
        registry.document(changed.id, VISITOR)


def test_a_name_cannot_open_a_document_that_others_keep_closed(registry: Registry) -> None:
    for name in ("hr/pay", "wiki/pay"):
        shared = added(registry, "salaries", name, access=["finance"])

    opened = added(registry, "salaries", "wiki/pay", access=[])

    assert opened.id != shared.id
    assert (opened.access, registry.document(shared.id, ADMIN).access) == ((), ("finance",))


def test_the_same_bytes_under_a_known_name_are_no_work(registry: Registry) -> None:
    first = added(registry, "rules", "hr/rules")

    again, is_new = registry.add(upload("rules", source_id="hr/rules"), ADMIN)

    assert (again, is_new) == (first, False)


def test_a_name_of_a_document_that_was_deleted_meanwhile_is_free(engine: Engine, registry: Registry) -> None:
    """An upload may give a document a name while a deletion waits for the same document."""
    deleted = added(registry, "rules")
    registry.delete(deleted.id, ADMIN)
    with transaction(engine, writes=True) as session:
        session.add(SourceIdRow(collection="default", source_id="hr/rules", document_id=deleted.id, created_at=0.0))

    document, is_new = registry.add(upload("new rules", source_id="hr/rules"), ADMIN)

    assert is_new
    assert document.id != deleted.id
    assert registry.document(document.id, ADMIN).source_ids == ("hr/rules",)


def test_every_version_stays_listed(registry: Registry, leases: Leases, serving: Serving) -> None:
    for number in range(3):
        document = added(registry, f"rules {number}", "hr/rules")
        finish(leases, serving, document, f"{number} days")

    versions = registry.document(document.id, ADMIN).versions
    assert [(one.version, one.status, one.size_bytes) for one in versions] == [
        (1, Status.READY, 7),
        (2, Status.READY, 7),
        (3, Status.READY, 7),
    ]


def test_restoring_makes_an_earlier_version_the_newest_while_the_one_in_between_serves(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    first = added(registry, "old rules", "hr/rules")
    finish(leases, serving, first, "six days")
    finish(leases, serving, added(registry, "new rules", "hr/rules"), "eight days")

    restored = registry.restore(first.id, 1, ADMIN)
    before = shown(registry, restored)
    finish(leases, serving, restored, "six days")

    assert [version.sha256 for version in restored.versions] == [
        upload("old rules").sha256,
        upload("new rules").sha256,
        upload("old rules").sha256,
    ]
    assert before == ["eight days"]
    assert shown(registry, restored) == ["six days"]


def test_a_restored_version_that_fails_leaves_the_newer_one_serving(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    first = added(registry, "old rules", "hr/rules")
    finish(leases, serving, first, "six days")
    finish(leases, serving, added(registry, "new rules", "hr/rules"), "eight days")

    leases.fail(take(leases, registry.restore(first.id, 1, ADMIN)).work, BROKEN)

    assert shown(registry, first) == ["eight days"]


def test_what_cannot_be_restored_says_why(registry: Registry) -> None:
    document = added(registry, "rules", "hr/rules")

    with pytest.raises(InvalidRequest, match="Version 1, the newest, has the same content"):
        registry.restore(document.id, 1, ADMIN)
    with pytest.raises(DocumentNotFound, match="no version 7"):
        registry.restore(document.id, 7, ADMIN)


def test_restoring_is_not_for_keys_that_may_not_see_the_document(registry: Registry) -> None:
    document = added(registry, "salaries", "hr/pay", access=["finance"])
    added(registry, "new salaries", "hr/pay")

    with pytest.raises(DocumentNotFound):
        registry.restore(document.id, 1, VISITOR)
    assert registry.restore(document.id, 1, FINANCE).latest.version == 3


def test_what_is_hidden_is_what_is_deleted_or_not_for_the_caller(registry: Registry) -> None:
    open_to_all, closed = added(registry, "rules"), added(registry, "salaries", access=["finance"])
    deleted = added(registry, "deleted")
    registry.delete(deleted.id, ADMIN)
    ids = [open_to_all.id, closed.id, deleted.id, "doc_unknown"]

    assert registry.hidden(ids, VISITOR) == {closed.id, deleted.id, "doc_unknown"}
    assert registry.hidden(ids, FINANCE) == {deleted.id, "doc_unknown"}
