"""The index: what is stored together arrives whole, each collection by itself, whichever process made its partition."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import chromadb
import httpx
import numpy as np
import pytest

from rag.errors import EmbedderMismatch, IndexUnavailable
from rag.index import Index
from rag.types import Generation
from rag.vectors import Vectors
from tests.rag.conftest import generation
from tests.workshop import raising

NUMBERED = dict.fromkeys(range(8))
BOTH = ("hr", "wiki")


@pytest.fixture
def described(request: pytest.FixtureRequest) -> Generation:
    return replace(generation("model", 2), index_name=f"chunks-{abs(hash(request.node.name))}")


@pytest.fixture
def index(chroma_url: str, described: Generation) -> Index:
    return Index(chroma_url, described)


def store(index: Index, number: int, collection: str = "default") -> None:
    ids = [f"doc{number}.1.{ordinal}" for ordinal in range(3)]
    vectors = np.full((3, 2), number + 1, dtype=np.float32)
    index.upsert(ids, vectors, document_id=f"doc{number}", version=1, collection=collection)


def put(index: Index, collection: str, **chunks: float) -> None:
    """Store a document named after the collection, of chunks with such an angle to the direction of `query`."""
    vectors = np.array([[np.cos(angle), np.sin(angle)] for angle in chunks.values()], dtype=np.float32)
    index.upsert(list(chunks), vectors, document_id=collection, version=1, collection=collection)


@pytest.fixture
def query() -> Vectors:
    return np.array([1, 0], dtype=np.float32)


def test_documents_stored_at_once_are_all_there(index: Index) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store(index, number, f"of {number % 2}"), NUMBERED))

    assert index.count() == 24
    assert index.ids_of("doc5") == {"doc5.1.0", "doc5.1.1", "doc5.1.2"}


def test_of_a_document_only_what_is_kept_is_left_and_only_in_its_collection(index: Index) -> None:
    for collection in ("of 0", "of 1"):
        store(index, 5, collection)

    left = index.keep_only("doc5", {"doc5.1.0", "doc5.1.9"}, "of 1")

    assert left == {"doc5.1.0"}
    assert index.count() == 1


def test_a_search_in_a_collection_asks_its_partition_alone(
    index: Index, query: Vectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(index, "hr", far=1.0, near=0.5)
    put(index, "wiki", nearest=0.0)
    monkeypatch.setattr(index._partition("wiki"), "search", lambda *_: raising(AssertionError("asked"))())

    assert list(index.search(query, limit=5, collections=["hr"])) == ["near", "far"]


def test_what_several_partitions_hold_is_returned_best_first(index: Index, query: Vectors) -> None:
    put(index, "hr", second=0.2, fourth=0.4)
    put(index, "wiki", first=0.1, third=0.3)

    found = index.search(query, limit=3, collections=[*BOTH, "empty", "hr"])

    assert list(found) == ["first", "second", "third"]
    assert found["third"] == pytest.approx(np.cos(0.3))


def test_a_search_among_ids_finds_those_that_are_there(index: Index, query: Vectors) -> None:
    put(index, "hr", a=0.1, b=0.2, c=0.3)
    put(index, "wiki", d=0.0, e=0.4)

    assert list(index.search(query, limit=5, collections=["hr"], ids={"hr": ["c", "b"]})) == ["b", "c"]
    ids = {"hr": ["c"], "wiki": ["d", "gone"]}
    assert list(index.search(query, limit=5, collections=BOTH, ids=ids)) == ["d", "c"]
    assert index.search(query, limit=5, collections=BOTH, ids={"hr": ["gone"]}) == {}
    assert index.search(query, limit=5, collections=BOTH, ids={}) == {}


def test_a_partition_that_another_process_made_is_found_at_once(
    index: Index, query: Vectors, chroma_url: str, described: Generation
) -> None:
    before = index.search(query, limit=5, collections=["hr"])

    put(Index(chroma_url, described), "hr", new=0.0)

    assert before == {}
    assert list(index.search(query, limit=5, collections=["hr"])) == ["new"]
    assert index.count() == 1


def test_vectors_are_deleted_from_whichever_partition_holds_them(index: Index) -> None:
    put(index, "hr", a=0.1, b=0.2)
    put(index, "wiki", c=0.3, d=0.4)

    index.delete(["a", "c", "gone"])
    index.delete(["b", "d"], "wiki")

    assert list(index.ids()) == [["b"]]


def test_dropping_removes_all_partitions_and_nothing_of_another_generation(
    index: Index, chroma_url: str, described: Generation
) -> None:
    other = Index(chroma_url, replace(described, index_name=f"{described.index_name}-g2"))
    for one in (index, other):
        put(one, "hr", a=0.1)
        put(one, "wiki", b=0.2)

    index.drop()

    assert (index.count(), other.count()) == (0, 2)


def test_a_lost_partition_is_empty_and_made_anew(
    index: Index, query: Vectors, chroma_url: str, described: Generation
) -> None:
    put(index, "hr", a=0.1)
    Index(chroma_url, described).drop()

    assert index.search(query, limit=5, collections=["hr"]) == {}
    put(index, "hr", b=0.2)
    assert list(index.search(query, limit=5, collections=["hr"])) == ["b"]


def test_who_stores_in_a_partition_lost_a_moment_ago_is_told_to_come_again(
    index: Index, chroma_url: str, described: Generation
) -> None:
    put(index, "hr", a=0.1)
    Index(chroma_url, described).drop()

    with pytest.raises(IndexUnavailable, match="had lost"):
        put(index, "hr", b=0.2)
    put(index, "hr", b=0.2)
    assert index.ids_of("hr") == {"b"}


def test_an_index_that_another_model_filled_is_refused(index: Index, chroma_url: str, described: Generation) -> None:
    put(index, "hr", a=0.1)

    with pytest.raises(EmbedderMismatch, match="was filled by model with 2 dimensions"):
        Index(chroma_url, replace(described, model="another"))


def test_vectors_of_a_release_without_partitions_are_removed(chroma_url: str, described: Generation) -> None:
    url = httpx.URL(chroma_url)
    client = chromadb.HttpClient(host=url.host, port=url.port or 0)
    client.create_collection(described.index_name)

    Index(chroma_url, described)

    assert described.index_name not in {one.name for one in client.list_collections()}


def test_an_error_reaches_everyone_whose_vectors_were_in_the_call(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_wait = threading.Barrier(2)
    first = threading.Event()

    def fails(**_: Any) -> None:
        if not first.is_set():
            first.set()
            all_wait.wait(5)
        raise MemoryError

    monkeypatch.setattr(index._partition("default")._made(), "upsert", fails)
    errors: list[type[BaseException]] = []

    def tried(number: int) -> None:
        try:
            store(index, number)
        except (IndexUnavailable, MemoryError) as exc:
            errors.append(type(exc))

    threads = [threading.Thread(target=tried, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    first.wait(5)
    all_wait.wait(5)
    for thread in threads:
        thread.join()

    assert len(errors) == 4
