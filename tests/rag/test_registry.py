"""The registry: versions, deletion, access, paging, idempotency."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from rag.database import connect, transaction
from rag.errors import CollectionNotFound, DocumentNotFound, Forbidden, InvalidRequest, RegistryUnavailable
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.tables import DocumentRow
from rag.types import Principal, Scope, Status
from tests.rag.conftest import ADMIN, BROKEN, LEASE_S, VISITOR, finish, shown, take, upload

FINANCE = Principal(name="finance", scopes=frozenset({Scope.SEARCH}), groups=frozenset({"finance"}))


def test_a_new_upload_is_queued_as_version_one_and_serves_nothing_yet(registry: Registry) -> None:
    document, is_new = registry.add(upload("old rules", metadata={"owner": "People"}), ADMIN)

    assert is_new
    assert (document.latest.version, document.latest.status, document.serving) == (1, Status.QUEUED, None)
    assert document.metadata == {"owner": "People"}
    assert shown(registry, document) == []


def test_the_same_bytes_again_are_no_work(registry: Registry) -> None:
    first, _ = registry.add(upload("rules"), ADMIN)

    again, is_new = registry.add(upload("rules", filename="copy of handbook.md"), ADMIN)

    assert not is_new
    assert again == first


def test_the_same_bytes_in_another_collection_are_a_document_of_its_own(registry: Registry) -> None:
    first, _ = registry.add(upload("rules"), ADMIN)

    other, is_new = registry.add(upload("rules", collection="archive"), ADMIN)

    assert is_new
    assert other.id != first.id


def test_the_same_bytes_for_another_group_are_a_document_of_its_own(registry: Registry) -> None:
    closed, _ = registry.add(upload("rules", access=["finance"]), ADMIN)

    opened, is_new = registry.add(upload("rules"), ADMIN)

    assert is_new
    assert (closed.access, opened.access) == (("finance",), ())


def test_the_same_bytes_are_tried_again_after_they_failed(registry: Registry, leases: Leases) -> None:
    document, _ = registry.add(upload("rules"), ADMIN)
    leases.fail(take(leases, document).work, BROKEN)

    again, is_new = registry.add(upload("rules"), ADMIN)

    assert is_new
    assert again.id == document.id
    assert (again.latest.status, again.latest.attempts, again.latest.failure) == (Status.QUEUED, 0, None)


def test_new_bytes_of_a_source_are_version_two_and_version_one_serves_until_it_is_finished(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    first, _ = registry.add(upload("old rules", source_id="hr/rules"), ADMIN)
    finish(leases, serving, first, "six days", "seven days")

    second, is_new = registry.add(upload("new rules", source_id="hr/rules"), ADMIN)
    before = shown(registry, second)
    finish(leases, serving, second, "eight days")

    assert is_new
    assert (second.id, second.latest.version, second.serving) == (first.id, 2, 1)
    assert before == ["six days", "seven days"]
    assert shown(registry, second) == ["eight days"]


def test_a_failed_version_leaves_the_one_before_it_serving(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    first, _ = registry.add(upload("old rules", source_id="hr/rules"), ADMIN)
    finish(leases, serving, first, "six days")
    second, _ = registry.add(upload("new rules", source_id="hr/rules"), ADMIN)
    work = take(leases, second).work

    leases.fail(work, BROKEN)

    found = registry.document(first.id, ADMIN)
    assert (found.latest.status, found.latest.failure, found.serving) == (Status.FAILED, BROKEN, 1)
    assert shown(registry, found) == ["six days"]


def test_going_back_to_earlier_bytes_is_a_third_version(registry: Registry) -> None:
    registry.add(upload("old rules", source_id="hr/rules"), ADMIN)
    registry.add(upload("new rules", source_id="hr/rules"), ADMIN)

    document, is_new = registry.add(upload("old rules", source_id="hr/rules"), ADMIN)

    assert is_new
    assert [version.version for version in document.versions] == [1, 2, 3]


def test_replaced_bytes_under_no_source_id_are_a_new_document(registry: Registry) -> None:
    first, _ = registry.add(upload("old rules", source_id="hr/rules"), ADMIN)
    registry.add(upload("new rules", source_id="hr/rules"), ADMIN)

    document, is_new = registry.add(upload("old rules"), ADMIN)

    assert is_new
    assert document.id != first.id


def test_a_deleted_document_is_shown_nowhere(registry: Registry, leases: Leases, serving: Serving) -> None:
    document, _ = registry.add(upload("rules"), ADMIN)
    finish(leases, serving, document, "six days")

    registry.delete(document.id, ADMIN)

    assert shown(registry, document) == []
    assert registry.documents(ADMIN) == ([], None)
    for read in (registry.document, registry.chunks, registry.delete, registry.reprocess):
        with pytest.raises(DocumentNotFound):
            read(document.id, ADMIN)


def test_the_bytes_and_source_of_a_deleted_document_may_come_again(registry: Registry) -> None:
    deleted, _ = registry.add(upload("rules", source_id="hr/rules"), ADMIN)
    registry.delete(deleted.id, ADMIN)

    document, is_new = registry.add(upload("rules", source_id="hr/rules"), ADMIN)

    assert is_new
    assert document.id != deleted.id
    assert document.latest.version == 1


def test_a_document_with_groups_is_invisible_to_keys_without_one_of_them(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    document, _ = registry.add(upload("salaries", access=["finance", "board"]), ADMIN)
    finish(leases, serving, document, "the chief earns most")

    assert shown(registry, document, VISITOR) == []
    assert registry.documents(VISITOR) == ([], None)
    for read in (registry.document, registry.chunks, registry.delete, registry.reprocess):
        with pytest.raises(DocumentNotFound):
            read(document.id, VISITOR)
    assert shown(registry, document, FINANCE) == ["the chief earns most"]
    assert registry.document(document.id, ADMIN).id == document.id


def test_the_source_of_a_document_that_a_key_may_not_see_is_not_its_to_replace(registry: Registry) -> None:
    document, _ = registry.add(upload("salaries", source_id="hr/pay", access=["finance"]), ADMIN)

    with pytest.raises(Forbidden, match="hr/pay"):
        registry.add(upload("other salaries", source_id="hr/pay"), VISITOR)

    assert registry.document(document.id, ADMIN) == document


def test_new_groups_and_metadata_count_at_once_and_left_out_ones_stay(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    document, _ = registry.add(upload("pay", source_id="hr/pay", access=["finance"], metadata={"owner": "HR"}), ADMIN)
    finish(leases, serving, document, "the chief earns most")

    kept, _ = registry.add(upload("new pay", source_id="hr/pay"), ADMIN)
    opened, _ = registry.add(upload("newer pay", source_id="hr/pay", access=[], metadata={}), ADMIN)

    assert (kept.access, kept.metadata) == (("finance",), {"owner": "HR"})
    assert (opened.access, opened.metadata) == ((), {})
    assert shown(registry, opened, VISITOR) == ["the chief earns most"]


def test_bytes_that_come_again_with_a_source_id_give_it_to_their_document(registry: Registry) -> None:
    first, _ = registry.add(upload("rules"), ADMIN)

    again, is_new = registry.add(upload("rules", source_id="hr/rules"), ADMIN)
    changed, _ = registry.add(upload("new rules", source_id="hr/rules"), ADMIN)

    assert not is_new
    assert again.id == changed.id == first.id
    assert changed.latest.version == 2


def test_a_passage_of_a_version_that_does_not_serve_is_not_shown_even_if_it_is_there(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    document, _ = registry.add(upload("rules"), ADMIN)
    finish(leases, serving, document, "six days")
    with transaction(engine, writes=True) as session:
        session.get_one(DocumentRow, document.id).serving = 2

    assert shown(registry, document) == []


def test_chunks_are_those_of_the_serving_version_in_reading_order(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    document, _ = registry.add(upload("rules"), ADMIN)
    finish(leases, serving, document, "first", "second")

    assert [(chunk.ordinal, chunk.text) for chunk in registry.chunks(document.id, ADMIN)] == [
        (0, "first"),
        (1, "second"),
    ]


def test_the_list_pages_through_every_document_newest_first(registry: Registry) -> None:
    added = [registry.add(upload(f"rules {n}"), ADMIN)[0].id for n in range(5)]

    found, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page, cursor = registry.documents(ADMIN, cursor=cursor, limit=2)
        found += [document.id for document in page]
        pages += 1

    assert (found, pages) == (added[::-1], 3)


def test_the_list_is_filtered_by_collection_status_and_a_part_of_the_file_name(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    ready, _ = registry.add(upload("a", filename="Travel 100%.md"), ADMIN)
    finish(leases, serving, ready, "a")
    registry.add(upload("b", filename="travel 1000.md", collection="archive"), ADMIN)

    assert [d.id for d in registry.documents(ADMIN, q="travel 100%")[0]] == [ready.id]
    assert [d.id for d in registry.documents(ADMIN, status=Status.READY)[0]] == [ready.id]
    assert [d.latest.filename for d in registry.documents(ADMIN, collection="archive")[0]] == ["travel 1000.md"]


@pytest.mark.parametrize("cursor", ["tomorrow", "_"])
def test_a_cursor_that_was_never_given_out_is_an_invalid_request(registry: Registry, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        registry.documents(ADMIN, cursor=cursor)


def test_reprocessing_queues_the_latest_version_while_it_goes_on_serving(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    document, _ = registry.add(upload("rules"), ADMIN)
    finish(leases, serving, document, "six days")

    again = registry.reprocess(document.id, ADMIN)

    assert (again.latest.version, again.latest.status, again.serving) == (1, Status.QUEUED, 1)
    assert shown(registry, again) == ["six days"]


def test_reprocessing_does_not_take_work_from_a_live_lease(registry: Registry, leases: Leases) -> None:
    document, _ = registry.add(upload("rules"), ADMIN)
    work = take(leases, document).work

    again = registry.reprocess(document.id, ADMIN)

    assert again.latest.status == Status.PROCESSING
    assert leases.renew(work, LEASE_S)


def test_an_unknown_collection_is_named(registry: Registry) -> None:
    registry.add(upload("rules"), ADMIN)

    registry.require_collections(["default"], ADMIN)
    with pytest.raises(CollectionNotFound, match="'archive'"):
        registry.require_collections(["default", "archive"], ADMIN)


def test_an_idempotency_key_is_known_to_its_caller_alone(registry: Registry) -> None:
    own, other = replace(ADMIN, name="key_a"), replace(ADMIN, name="key_b")
    document, _ = registry.add(upload("rules", idempotency_key="42"), own)

    assert registry.uploaded_with(own, "42") == document
    assert registry.uploaded_with(other, "42") is None
    assert registry.uploaded_with(own, "43") is None


def test_an_idempotency_key_of_a_deleted_document_stands_for_nothing(registry: Registry) -> None:
    own = replace(ADMIN, name="key_a")
    document, _ = registry.add(upload("rules", idempotency_key="42"), own)

    registry.delete(document.id, ADMIN)

    assert registry.uploaded_with(own, "42") is None


def test_uploads_of_the_same_bytes_at_the_same_time_are_one_document(registry: Registry) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda _: registry.add(upload("rules", collection="new"), ADMIN), range(8)))

    assert len({document.id for document, _ in added}) == 1
    assert [is_new for _, is_new in added].count(True) == 1


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg://attest:s3cret@127.0.0.1:{closed.getsockname()[1]}/attest"

        with pytest.raises(RegistryUnavailable, match=r"attest:\*\*\*@127\.0\.0\.1") as caught:
            Registry(connect(url)).ping()

    assert "s3cret" not in str(caught.value)


def test_a_page_of_documents_costs_three_queries_and_has_all_of_each(engine: Engine, registry: Registry) -> None:
    for content in ("first", "second"):
        for n in range(20):
            registry.add(upload(f"{n} {content}", source_id=f"rules {n}"), ADMIN)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: asked.append(statement))

    page, _ = registry.documents(ADMIN, limit=20)

    assert len([statement for statement in asked if statement.startswith("SELECT")]) == 3
    assert sorted(document.source_ids for document in page) == sorted((f"rules {n}",) for n in range(20))
    assert [[version.version for version in document.versions] for document in page] == [[1, 2]] * 20
    assert [document.latest for document in page] == [registry.document(one.id, ADMIN).latest for one in page]
