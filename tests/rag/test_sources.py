"""Registered sources in the registry: whose turn it is, what they hold, what is left of a removed one."""

import time

import pytest
from sqlalchemy import Engine

from rag.errors import DocumentNotFound, InvalidRequest
from rag.registry import Registry
from rag.sources import Item, NewSource, Source, SourceKind, Sources
from tests.rag.conftest import ADMIN, LEASE_S, RAN_OUT, upload

REPORT = {"new": 1}


@pytest.fixture
def sources(engine: Engine) -> Sources:
    return Sources(engine)


def site(name: str = "a", **changes: object) -> NewSource:
    fields: dict[str, object] = {
        "kind": SourceKind.WEB,
        "location": f"https://{name}.example/",
        "collection": "default",
        "grace_s": 60.0,
        "options": {"depth": 1},
    }
    return NewSource(**fields | changes)  # type: ignore[arg-type]


def claimed(sources: Sources, owner: str = "worker", lease_s: float = LEASE_S) -> Source:
    source = sources.claim_due(owner, lease_s)
    assert source is not None
    return source


def test_a_new_source_is_due_at_once_and_one_worker_gets_it(sources: Sources) -> None:
    added = sources.add(site(), ADMIN)

    first, second = sources.claim_due("one", LEASE_S), sources.claim_due("two", LEASE_S)

    assert first is not None
    assert (first.id, first.options, first.run_as, second) == (added.id, {"depth": 1}, ADMIN, None)


def test_the_source_that_waits_longest_comes_first(sources: Sources) -> None:
    added = [sources.add(site(name), ADMIN).id for name in ("a", "b")]

    assert [claimed(sources).id, claimed(sources).id] == added


def test_a_source_with_an_interval_is_due_again_later_and_one_without_is_not(sources: Sources) -> None:
    sources.add(site("a", interval_s=3600.0), ADMIN)
    sources.add(site("b"), ADMIN)
    for _ in range(2):
        source = claimed(sources)
        sources.finish(source.id, "worker", started_at=time.time(), report=REPORT)

    first, second = sources.all(ADMIN)

    assert sources.claim_due("worker", LEASE_S) is None
    assert first.next_run_at is not None
    assert 3590 < first.next_run_at - time.time() <= 3600
    assert (second.next_run_at, second.last_run, second.is_running) == (None, REPORT, False)


def test_a_run_asked_for_during_a_run_follows_it(sources: Sources) -> None:
    source = sources.add(site(), ADMIN)
    started_at = time.time()
    claimed(sources)
    sources.run_now(source.id, ADMIN)

    assert sources.claim_due("another", LEASE_S) is None
    sources.finish(source.id, "worker", started_at=started_at, report=REPORT)

    assert claimed(sources).id == source.id


def test_a_lease_that_ran_out_is_taken_over_and_its_old_holder_writes_nothing(sources: Sources) -> None:
    source = sources.add(site(), ADMIN)
    claimed(sources, "old", RAN_OUT)
    claimed(sources, "new")

    assert not sources.renew(source.id, "old", LEASE_S)
    assert not sources.save(source.id, "old", Item(key="k"))
    sources.finish(source.id, "old", started_at=time.time(), report=REPORT)
    assert sources.renew(source.id, "new", LEASE_S)
    assert (sources.items(source.id), sources.get(source.id, ADMIN).last_run) == ({}, None)


def test_items_are_kept_as_they_were_saved_and_marked(sources: Sources) -> None:
    source = sources.add(site(), ADMIN)
    claimed(sources)
    item = Item(key="k", document_id="doc_1", validator="v", links=("x", "y"), problem="p")
    sources.save(source.id, "worker", item)

    sources.mark(source.id, ["k", "unknown"], 12.0)

    saved = sources.items(source.id)["k"]
    assert (saved.validator, saved.links, saved.problem, saved.missing_since) == ("v", ("x", "y"), "p", 12.0)
    sources.mark(source.id, ["k"], None)
    assert sources.items(source.id) == {"k": item}


def test_a_document_that_another_source_holds_is_left_by_the_one_that_loses_it(
    sources: Sources, registry: Registry
) -> None:
    document, _ = registry.add(upload("rules", source_id="https://a.example/x"), ADMIN)
    ids = []
    for name in ("a", "b"):
        ids.append(sources.add(site(name), ADMIN).id)
        claimed(sources)
        sources.save(ids[-1], "worker", Item(key="https://a.example/x", document_id=document.id))

    assert sources.drop(ids[0], "https://a.example/x") is None
    assert sources.remove(ids[1], ADMIN) == {"https://a.example/x": document.id}


def test_what_a_source_holds_is_told_before_it_is_removed(sources: Sources, registry: Registry) -> None:
    documents = {name: registry.add(upload(name, source_id=name), ADMIN)[0].id for name in ("kept", "deleted")}
    source = sources.add(site(), ADMIN)
    claimed(sources)
    for name, document_id in documents.items():
        sources.save(source.id, "worker", Item(key=name, document_id=document_id))
    sources.save(source.id, "worker", Item(key="unreadable", problem="broken"))
    registry.delete(documents["deleted"], ADMIN)

    told = sources.held(source.id, ADMIN)

    assert told == {"kept": documents["kept"]}
    assert sources.remove(source.id, ADMIN) == told


def test_an_item_knows_when_its_document_was_deleted(sources: Sources, registry: Registry) -> None:
    document, _ = registry.add(upload("rules"), ADMIN)
    source = sources.add(site(), ADMIN)
    claimed(sources)
    sources.save(source.id, "worker", Item(key="k", document_id=document.id))

    registry.delete(document.id, ADMIN)

    assert not sources.items(source.id)["k"].is_live


def test_the_same_place_is_registered_once_a_collection(sources: Sources) -> None:
    first = sources.add(site(), ADMIN)

    with pytest.raises(InvalidRequest, match=first.id):
        sources.add(site(), ADMIN)

    assert sources.add(site(collection="other"), ADMIN).id != first.id


def test_the_same_bytes_under_two_source_ids_are_one_document_until_one_changes(registry: Registry) -> None:
    first, _ = registry.add(upload("rules", source_id="a"), ADMIN)

    twin, is_new = registry.add(upload("rules", source_id="b"), ADMIN)
    changed, is_changed = registry.add(upload("other rules", source_id="b"), ADMIN)

    assert (twin.id, twin.source_ids, is_new) == (first.id, ("a", "b"), False)
    assert changed.id != first.id
    assert (changed.source_ids, is_changed) == (("b",), True)
    assert registry.document(first.id, ADMIN).source_ids == ("a",)


def test_a_document_goes_with_the_last_of_its_names(registry: Registry) -> None:
    document, _ = registry.add(upload("rules", source_id="a"), ADMIN)
    registry.add(upload("rules", source_id="b"), ADMIN)

    registry.release(document.id, "a", ADMIN)
    left = registry.document(document.id, ADMIN).source_ids
    registry.release(document.id, "b", ADMIN)

    assert left == ("b",)
    with pytest.raises(DocumentNotFound):
        registry.document(document.id, ADMIN)


def test_the_same_bytes_for_other_groups_or_with_other_metadata_are_documents_of_their_own(registry: Registry) -> None:
    plain, _ = registry.add(upload("rules", source_id="a"), ADMIN)

    for_hr, _ = registry.add(upload("rules", source_id="b", access=["hr"]), ADMIN)
    of_berlin, _ = registry.add(upload("rules", source_id="c", metadata={"site": "Berlin"}), ADMIN)

    assert len({plain.id, for_hr.id, of_berlin.id}) == 3
