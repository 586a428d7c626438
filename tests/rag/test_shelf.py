"""Where kept answers lie: a real Redis, with and without it, and the memory of a process."""

import logging
from collections.abc import Iterator

import psutil
import pytest

from bench.service import free_port
from rag.shelf import PREFIX, MemoryShelf, RedisShelf, Shelf, open_shelf
from tests import servers

DAY_S = 86400.0


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, psutil.Process]]:
    with servers.redis() as running:
        yield running


@pytest.fixture
def shelf(server: tuple[str, psutil.Process]) -> Iterator[RedisShelf]:
    opened = RedisShelf(server[0])
    yield opened
    opened.close()


@pytest.fixture(params=["redis", "memory"])
def any_shelf(request: pytest.FixtureRequest) -> Shelf:
    opened: Shelf = request.getfixturevalue("shelf") if request.param == "redis" else MemoryShelf()
    return opened


def test_what_is_put_is_there_and_is_replaced(any_shelf: Shelf) -> None:
    any_shelf.put("replaced", b"one", DAY_S)
    any_shelf.put("replaced", b"two", DAY_S)

    assert (any_shelf.get("replaced"), any_shelf.get("another")) == (b"two", None)


def test_what_is_put_has_an_end(any_shelf: Shelf) -> None:
    any_shelf.put("short", b"one", 0.0)

    while any_shelf.get("short"):
        pass
    assert any_shelf.get("short") is None


def test_redis_is_told_the_end_and_may_forget_the_key_alone(shelf: RedisShelf) -> None:
    shelf.put("day", b"one", DAY_S)

    assert 0 < shelf._redis.ttl(f"{PREFIX}day") <= DAY_S


def test_memory_is_bounded_and_what_was_not_asked_for_the_longest_goes_first() -> None:
    shelf = MemoryShelf(most_bytes=10)
    for key in ("a", "b"):
        shelf.put(key, b"12345", DAY_S)
    shelf.get("a")

    shelf.put("c", b"12345", DAY_S)

    assert [shelf.get(key) for key in ("a", "b", "c")] == [b"12345", None, b"12345"]


def test_what_is_too_large_for_the_memory_is_not_kept_and_does_no_harm() -> None:
    shelf = MemoryShelf(most_bytes=3)
    shelf.put("large", b"12345", DAY_S)
    shelf.put("small", b"1", DAY_S)

    assert (shelf.get("large"), shelf.get("small")) == (None, b"1")


def test_without_redis_nothing_is_found_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    shelf = RedisShelf(f"redis://:secret@127.0.0.1:{free_port()}/0")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            shelf.put("key", b"one", DAY_S)
            assert shelf.get("key") is None
            shelf._rests_until = 0.0

    assert [record.getMessage() for record in caplog.records] == ["answers are not kept while Redis fails"]
    assert "secret" not in caplog.text


def test_a_redis_that_does_not_answer_is_left_alone_for_a_while(server: tuple[str, psutil.Process]) -> None:
    shelf = RedisShelf(server[0])
    shelf.put("key", b"one", DAY_S)
    server[1].suspend()
    try:
        assert shelf.get("key") is None
    finally:
        server[1].resume()

    rests = shelf.get("key")
    shelf._rests_until = 0.0

    assert (rests, shelf.get("key")) == (None, b"one")
    shelf.close()


def test_the_queues_redis_is_used_and_with_rabbitmq_the_memory() -> None:
    assert isinstance(open_shelf("redis://127.0.0.1:6379/0"), RedisShelf)
    assert isinstance(open_shelf("amqp://127.0.0.1"), MemoryShelf)
    assert isinstance(open_shelf(""), MemoryShelf)
