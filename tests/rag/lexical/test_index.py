"""The lexical index: it holds what the registry serves, from the transaction on that serves it."""

import pytest
from sqlalchemy import Engine

from rag.database import transaction
from rag.leases import Leases
from rag.lexical import index
from rag.lexical.index import LexicalIndex
from rag.registry import Registry
from rag.serving import Serving
from rag.tables import DocumentRow
from rag.types import Document
from tests.rag.conftest import ADMIN, finish, upload


def matching(engine: Engine, query: str, *, limit: int = 10, collections: list[str] | None = None) -> list[str]:
    """Return the ids of the chunks proposed for a query, without their document's id."""
    lexical = LexicalIndex(engine.dialect.name)
    where = None if collections is None else [DocumentRow.collection.in_(collections)]
    with transaction(engine, writes=False) as session:
        found = lexical.candidates(session, lexical.query(session, query), limit=limit, where=where)
    return [chunk_id.partition(".")[2] for chunk_id in found]


def add(registry: Registry, leases: Leases, serving: Serving, *texts: str, collection: str = "default") -> Document:
    document, _ = registry.add(upload(texts[0][:30], collection=collection, source_id="rules"), ADMIN)
    finish(leases, serving, document, *texts)
    return document


def test_chunks_are_proposed_by_their_rarest_words_first(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    add(registry, leases, serving, "leave of six days", "leave", "leave for the tapeknife ERR-4032", "nothing")

    assert matching(engine, "leave err4032")[0] == "1.2"
    assert sorted(matching(engine, "leave")) == ["1.0", "1.1", "1.2"]
    assert matching(engine, "absent words") == []
    assert len(matching(engine, "leave", limit=2)) == 2


def test_a_replaced_version_and_a_purged_document_are_gone_from_the_index(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = add(registry, leases, serving, "six days of leave")
    add(registry, leases, serving, "seven nights of rest")
    assert matching(engine, "leave") == []
    assert matching(engine, "rest") == ["2.0"]

    registry.delete(document.id, ADMIN)
    claim = leases.claim("worker", 30.0)
    assert claim is not None
    serving.purge(claim.work, lambda _: None)

    assert matching(engine, "rest") == []


def test_a_search_may_be_narrowed(engine: Engine, registry: Registry, leases: Leases, serving: Serving) -> None:
    add(registry, leases, serving, "leave of six days", collection="hr")
    add(registry, leases, serving, "leave of seven days", "leave", collection="wiki")

    assert matching(engine, "leave", collections=["hr"]) == ["1.0"]
    assert sorted(matching(engine, "leave", collections=["hr", "wiki"])) == ["1.0", "1.0", "1.1"]


def test_a_narrow_search_reaches_behind_better_matches_that_it_may_not_look_at(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "NARROW_REACH", 1)
    add(registry, leases, serving, "leave leave", "leave", "leave leave leave", collection="hr")
    add(registry, leases, serving, "much is said here, and of leave a word", collection="wiki")

    assert matching(engine, "leave", limit=1, collections=["wiki"]) == ["1.0"]


def test_where_no_word_is_rare_chunks_of_two_words_are_proposed(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MOST_MATCHES", 1)
    add(registry, leases, serving, "leave", "days", "days of leave", "days", "leave")

    assert matching(engine, "leave days") == ["1.2"]


def test_the_commonest_words_are_left_out_where_rarer_ones_propose_enough(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MOST_MATCHES", 2)
    add(registry, leases, serving, "leave", "leave days", "leave", "days tapeknife")

    assert matching(engine, "leave tapeknife") == ["1.3"]


def test_a_rare_word_weighs_more_and_an_absent_one_most(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    add(registry, leases, serving, "leave", "leave days", "leave")
    lexical = LexicalIndex(engine.dialect.name)

    with transaction(engine, writes=False) as session:
        query = lexical.query(session, "leave days absent")

    leave, days, absent = query.words
    assert (leave.chunks, days.chunks, absent.chunks) == (3, 1, 0)
    assert 0 < leave.idf < days.idf < absent.idf == query.most_idf
