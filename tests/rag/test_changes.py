"""What is changed of a document counts at once; a moved one is in one collection, whole."""

import pytest
from sqlalchemy import Engine, event

from rag.candidates import Candidates
from rag.collections import Collections
from rag.epochs import read_basis
from rag.errors import DocumentNotFound, Forbidden, MoveRefused
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.sources import Item, NewSource, SourceKind, Sources
from rag.types import Document, Mode, Principal, Scope, Search, Status
from rag.work import Kind
from tests.rag.conftest import ADMIN, BROKEN, finish, take, upload

WRITER = Principal(name="writer", scopes=frozenset({Scope.DOCUMENTS_WRITE}))
READER = Principal(name="reader", scopes=frozenset({Scope.DOCUMENTS_READ}), groups=frozenset({"hr"}))


@pytest.fixture
def served(registry: Registry, leases: Leases, serving: Serving) -> Document:
    document, _ = registry.add(upload("six days", source_id="hr/leave"), ADMIN)
    finish(leases, serving, document, "six days")
    return registry.document(document.id, ADMIN)


def shown_in(registry: Registry, document: Document, collection: str) -> list[str]:
    """Return the texts that a search in a collection may show, were the index to return every passage."""
    ids = {f"{document.id}.1.{ordinal}": 0.5 for ordinal in range(5)}
    search = Search(text="", principal=ADMIN, top_k=50, mode=Mode.DENSE, collections=[collection])
    return [one.hit.text for one in Candidates(registry.engine).read(search, ids, limit=50).candidates]


def epochs(engine: Engine) -> dict[str, int]:
    return dict(read_basis(engine, ["default", "hr"]).epochs)


def test_metadata_and_access_count_at_once(engine: Engine, registry: Registry, served: Document) -> None:
    before = epochs(engine)

    registry.change(served.id, ADMIN, metadata={"owner": "HR"}, access=["finance"])

    changed = registry.document(served.id, ADMIN)
    assert (changed.metadata, changed.access) == ({"owner": "HR"}, ("finance",))
    assert registry.documents(READER)[0] == []
    assert epochs(engine)["default"] != before["default"]


def test_nothing_changed_is_nothing_done(engine: Engine, registry: Registry, served: Document) -> None:
    before = epochs(engine)

    registry.change(served.id, ADMIN, metadata={}, access=[], collection="default")

    assert epochs(engine) == before


def test_a_moved_document_keeps_its_names_versions_and_rights(
    engine: Engine, registry: Registry, leases: Leases, served: Document
) -> None:
    registry.change(served.id, ADMIN, access=["hr"])

    registry.change(served.id, ADMIN, collection="hr")

    moved = registry.document(served.id, READER)
    assert (moved.collection, moved.source_ids, moved.access) == ("hr", ("hr/leave",), ("hr",))
    assert moved.versions == served.versions
    assert registry.add(upload("six days", source_id="hr/leave", collection="hr"), ADMIN) == (moved, False)
    take(leases, moved, Kind.REINDEX)


def test_both_collections_have_another_epoch_after_a_move(engine: Engine, registry: Registry, served: Document) -> None:
    registry.add(upload("other", collection="hr"), ADMIN)
    before = epochs(engine)

    registry.change(served.id, ADMIN, collection="hr")

    assert {name for name, epoch in epochs(engine).items() if epoch != before[name]} == {"default", "hr"}


def test_what_is_still_read_is_not_moved(registry: Registry) -> None:
    document, _ = registry.add(upload("six days"), ADMIN)

    with pytest.raises(MoveRefused, match=r"handbook\.md is still being read"):
        registry.change(document.id, ADMIN, metadata={"owner": "HR"}, collection="hr")

    assert registry.document(document.id, ADMIN).metadata == {}


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        (upload("other", collection="hr", source_id="hr/leave"), "hr/leave names doc_"),
        (upload("six days", collection="hr"), "is in hr already, as doc_"),
    ],
    ids=["the same name", "the same bytes"],
)
def test_a_document_that_the_other_collection_has_is_not_moved(
    registry: Registry, served: Document, there: object, reason: str
) -> None:
    registry.add(there, ADMIN)  # type: ignore[arg-type]

    with pytest.raises(MoveRefused, match=reason):
        registry.change(served.id, ADMIN, collection="hr")

    assert registry.document(served.id, ADMIN).collection == "default"


def test_a_worker_that_fills_an_index_while_a_document_is_moved_fills_it_again(
    registry: Registry, leases: Leases, serving: Serving, served: Document
) -> None:
    serving.ask_to_index([served.id], 1)
    late = take(leases, served, Kind.REINDEX)

    registry.change(served.id, ADMIN, collection="hr")

    assert not serving.reindexed(late.work)
    assert not serving.is_indexed(served.id, 1)
    assert take(leases, served, Kind.REINDEX).document.collection == "hr"


def test_a_search_shows_a_moved_document_in_its_new_collection_alone(registry: Registry, served: Document) -> None:
    before = [shown_in(registry, served, name) for name in ("default", "hr")]

    registry.change(served.id, ADMIN, collection="hr")

    assert before == [["six days"], []]
    assert [shown_in(registry, served, name) for name in ("default", "hr")] == [[], ["six days"]]


@pytest.fixture
def statements(engine: Engine) -> list[str]:
    """What is sent to the database."""
    sent: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    return sent


def test_a_page_of_documents_takes_as_many_queries_however_long_it_is(
    registry: Registry, statements: list[str]
) -> None:
    for n in range(12):
        registry.add(upload(f"document {n}"), ADMIN)

    def sent(limit: int) -> int:
        statements.clear()
        assert len(registry.documents(READER, limit=limit)[0]) == limit
        return len(statements)

    assert sent(2) == sent(10)


def test_documents_are_counted_by_state_as_they_are_listed(
    registry: Registry, leases: Leases, served: Document
) -> None:
    broken, _ = registry.add(upload("broken", access=["board"]), ADMIN)
    leases.fail(take(leases, broken).work, BROKEN)
    registry.add(upload("other", filename="other.md"), ADMIN)

    assert registry.counts(ADMIN) == {Status.READY: 1, Status.QUEUED: 1, Status.FAILED: 1}
    assert registry.counts(READER) == {Status.READY: 1, Status.QUEUED: 1}
    assert registry.counts(ADMIN, q="OTHER") == {Status.QUEUED: 1}
    assert registry.counts(ADMIN, collection="hr") == {}


def test_documents_are_found_by_their_titles_too(registry: Registry, served: Document) -> None:
    assert [one.id for one in registry.documents(ADMIN, q="ndbook")[0]] == [served.id]
    assert registry.documents(ADMIN, q="%")[0] == []


def test_some_of_a_text_is_read_with_its_whole_length(registry: Registry, served: Document) -> None:
    text = registry.text(served.id, ADMIN, None, 4, 3)

    assert (text.text, text.start, text.total_chars, text.version.version) == ("day", 4, 8, 1)


def test_a_sites_visitor_is_shown_what_answers_use_and_no_version_before_it(
    registry: Registry, leases: Leases, serving: Serving, served: Document
) -> None:
    visitor = Principal(name="site_1/a", scopes=frozenset({Scope.VISIT}), collections=frozenset({"default"}))
    registry.add(upload("eight days", source_id="hr/leave"), ADMIN)
    finish(leases, serving, served, "eight days")

    assert registry.text(served.id, visitor, None, 0, 99).text == registry.text(served.id, visitor, 2, 0, 99).text
    assert registry.text(served.id, ADMIN, 1, 0, 99).text == "six days"
    with pytest.raises(DocumentNotFound, match="no version 1 that answers use"):
        registry.text(served.id, visitor, 1, 0, 99)


def test_a_name_that_another_group_has_there_is_refused_without_saying_whose(
    registry: Registry, served: Document
) -> None:
    there = upload("ten days", source_id="hr/leave", collection="hr", access=["finance"])
    hidden, _ = registry.add(there, ADMIN)

    with pytest.raises(MoveRefused, match="not for this key") as caught:
        registry.change(served.id, WRITER, collection="hr")

    assert hidden.id not in caught.value.detail


def test_a_document_of_a_source_stays_where_the_source_brings_it(
    engine: Engine, registry: Registry, served: Document
) -> None:
    sources = Sources(engine)
    new = NewSource(kind=SourceKind.WEB, location="http://a.test/", collection="default", grace_s=0, options={})
    source = sources.add(new, ADMIN)
    sources.claim_due("worker", 60)
    sources.save(source.id, "worker", Item(key="hr/leave", document_id=served.id))

    with pytest.raises(MoveRefused, match=source.id):
        registry.change(served.id, ADMIN, collection="hr")


def test_only_an_administrator_brings_text_out_of_an_internal_collection(
    engine: Engine, registry: Registry, served: Document
) -> None:
    Collections(engine).put("default", ADMIN, internal=True)

    with pytest.raises(Forbidden, match="default is internal"):
        registry.change(served.id, WRITER, collection="hr")

    assert registry.change(served.id, ADMIN, collection="hr").collection == "hr"
