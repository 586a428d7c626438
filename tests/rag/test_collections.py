"""Collections: who sees which, what they hold, and what makes an answer internal."""

import pytest
from sqlalchemy import Engine

from rag.audit import entries
from rag.collections import CollectionInfo, Collections
from rag.draft import Draft, Question
from rag.leases import Leases
from rag.registry import Registry
from rag.retrieve import Retrieval
from rag.serving import Serving
from rag.types import Hit, Turn
from tests.rag.conftest import ADMIN, VISITOR, finish, upload


@pytest.fixture
def collections(engine: Engine) -> Collections:
    return Collections(engine)


def draft(*document_ids: str, earlier: int = 0) -> Draft:
    """Return a draft with a hit of each document, about to be sent with so many earlier messages."""
    hits = [
        Hit(
            chunk_id=f"{one}.1.0",
            document_id=one,
            version=1,
            title="",
            text="",
            context="",
            page=None,
            section=None,
            start=0,
            end=0,
            score=1.0,
        )
        for one in document_ids
    ]
    history = [Turn(role="user", content="?")] * earlier
    found = Retrieval(hits=hits, candidates=[], took_ms={}, reranked=False)
    question = Question(text="?", principal=VISITOR, top_k=3, history=history)
    return Draft(question=question, retrieval=found)


def test_a_reader_sees_the_collections_that_have_documents_for_it(
    collections: Collections, registry: Registry, leases: Leases, serving: Serving
) -> None:
    open_one, _ = registry.add(upload("a"), ADMIN)
    finish(leases, serving, open_one, "one", "two")
    registry.add(upload("b", access=("hr",)), ADMIN)
    registry.add(upload("c", collection="board", access=("board",)), ADMIN)
    gone, _ = registry.add(upload("d", collection="gone"), ADMIN)
    registry.delete(gone.id, ADMIN)

    assert collections.all(VISITOR) == [CollectionInfo(name="default", internal=False, documents=1, chunks=2)]
    assert [(one.name, one.documents) for one in collections.all(ADMIN)] == [("board", 1), ("default", 2), ("gone", 0)]


def test_a_collection_is_made_and_changed_and_both_are_audited_once(collections: Collections, engine: Engine) -> None:
    made = [collections.put("board", ADMIN, internal=internal) for internal in (False, True, True)]

    assert made == [True, False, False]
    assert collections.all(ADMIN) == [CollectionInfo(name="board", internal=True, documents=0, chunks=0)]
    found = [(one.action, one.actor, one.detail) for one in entries(engine, before=None, limit=10)]
    assert found == [
        ("collection.changed", "admin", {"collection": "board", "internal": True}),
        ("collection.created", "admin", {"collection": "board", "internal": False}),
    ]


def test_a_hit_of_an_internal_collection_makes_a_draft_internal_also_once_its_document_is_deleted(
    collections: Collections, registry: Registry
) -> None:
    collections.put("board", ADMIN, internal=True)
    public, _ = registry.add(upload("a"), ADMIN)
    internal, _ = registry.add(upload("b", collection="board"), ADMIN)
    registry.delete(internal.id, ADMIN)

    assert not collections.holds_internal(draft(public.id))
    assert collections.holds_internal(draft(public.id, internal.id))


def test_earlier_messages_are_internal_as_soon_as_any_collection_is(
    collections: Collections, registry: Registry
) -> None:
    public, _ = registry.add(upload("a"), ADMIN)
    assert not collections.holds_internal(draft(public.id, earlier=2))

    collections.put("board", ADMIN, internal=True)

    assert collections.holds_internal(draft(public.id, earlier=2))
    assert not collections.holds_internal(draft(public.id))
