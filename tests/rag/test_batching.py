"""Requests for embeddings that come together: each gets its own, a small one before the end of a large one."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from rag.batching import ROUND, Batching
from rag.vectors import Vectors


def lengths(texts: Sequence[str]) -> Vectors:
    return np.array([[len(text)] for text in texts], dtype=np.float32)


def test_every_request_gets_its_own_vectors_in_order() -> None:
    batching = Batching(lengths)

    with ThreadPoolExecutor(8) as pool:
        asked = [["x" * (number + size) for size in range(number * 40)] for number in range(1, 9)]
        found = list(pool.map(batching.encode, asked))

    assert [vectors[:, 0].tolist() for vectors in found] == [[len(text) for text in texts] for texts in asked]


def test_a_small_request_does_not_wait_for_all_of_a_large_one() -> None:
    rounds: list[int] = []
    has_begun, go_on = Event(), Event()

    def slow(texts: Sequence[str]) -> Vectors:
        rounds.append(len(texts))
        has_begun.set()
        go_on.wait(5)
        return lengths(texts)

    batching = Batching(slow)
    with ThreadPoolExecutor(2) as pool:
        large = pool.submit(batching.encode, ["large"] * ROUND * 4)
        has_begun.wait(5)
        small = pool.submit(batching.encode, ["small"])
        time.sleep(0.05)  # until it waits, too
        go_on.set()

        assert small.result(5).tolist() == [[5.0]]
        assert rounds[1] == ROUND // 2 + 1
        assert len(large.result(5)) == ROUND * 4


def test_an_error_of_the_model_reaches_who_asked_and_the_next_request_is_served() -> None:
    def picky(texts: Sequence[str]) -> Vectors:
        if "bad" in texts:
            raise ValueError("bad text")
        return lengths(texts)

    batching = Batching(picky)

    with pytest.raises(ValueError, match="bad text"):
        batching.encode(["bad"])
    assert batching.encode(["good"]).tolist() == [[4.0]]
