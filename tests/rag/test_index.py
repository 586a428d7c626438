"""The index: what is stored together arrives whole, and an error reaches everybody whose vectors it lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from rag.errors import IndexUnavailable
from rag.index import Index
from rag.types import Generation
from tests.rag.conftest import generation

NUMBERED = dict.fromkeys(range(8))


@pytest.fixture
def index(chroma_url: str, request: pytest.FixtureRequest) -> Index:
    name = f"chunks-{abs(hash(request.node.name))}"
    return Index(chroma_url, Generation(**vars(generation("model", 2)) | {"index_name": name}))


def store(index: Index, number: int) -> None:
    ids = [f"doc{number}.1.{ordinal}" for ordinal in range(3)]
    vectors = np.full((3, 2), number + 1, dtype=np.float32)
    index.upsert(ids, vectors, document_id=f"doc{number}", version=1, collection="default")


def test_documents_stored_at_once_are_all_there(index: Index) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store(index, number), NUMBERED))

    assert index.count() == 24
    assert index.ids_of("doc5") == {"doc5.1.0", "doc5.1.1", "doc5.1.2"}


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

    monkeypatch.setattr(index._collection, "upsert", fails)
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
