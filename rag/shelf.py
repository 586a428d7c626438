"""Where kept answers lie for a while: in Redis, for all processes, or in the memory of this one."""

import logging
import time
from collections import OrderedDict
from threading import Lock
from typing import Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

PREFIX = "rag:answers:"
MOST_BYTES = 32_000_000  # of all that lies in memory; in Redis its own `maxmemory` counts
TIMEOUT_S = 0.1  # a question waits no longer for Redis
REST_S = 5.0  # in which Redis is not asked after it failed
WARN_S = 60.0


class Shelf(Protocol):
    """Bytes by key, each for so many seconds at most. What is not there costs time and nothing else."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, value: bytes, keep_s: float) -> None: ...


class MemoryShelf:
    """The memory of this process; what was not asked for the longest goes first. Safe to share between threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._held: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        with self._lock:
            until, value = self._held.get(key, (0.0, b""))
            if until <= time.monotonic():
                return None
            self._held.move_to_end(key)
            return value

    def put(self, key: str, value: bytes, keep_s: float) -> None:
        with self._lock:
            self._bytes -= len(self._held.pop(key, (0.0, b""))[1])
            self._held[key] = (time.monotonic() + keep_s, value)
            self._bytes += len(value)
            while self._bytes > self._most_bytes:
                _, (_, oldest) = self._held.popitem(last=False)
                self._bytes -= len(oldest)


class RedisShelf:
    """A Redis server. While it is away nothing is found, and nobody waits for it. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._rests_until = self._silent_until = 0.0

    def get(self, key: str) -> bytes | None:
        if time.monotonic() < self._rests_until:
            return None
        try:
            value = self._redis.get(PREFIX + key)
        except redis.RedisError as exc:
            self._failed(exc)
            return None
        return value if isinstance(value, bytes) else None

    def put(self, key: str, value: bytes, keep_s: float) -> None:
        if time.monotonic() < self._rests_until:
            return
        try:
            self._redis.set(PREFIX + key, value, px=max(1, int(keep_s * 1000)))
        except redis.RedisError as exc:
            self._failed(exc)

    def close(self) -> None:
        self._redis.close()

    def _failed(self, exc: redis.RedisError) -> None:
        now = time.monotonic()
        self._rests_until = now + REST_S
        if now >= self._silent_until:
            self._silent_until = now + WARN_S
            log.warning("answers are not kept while Redis fails", extra={"reason": type(exc).__name__})


def open_shelf(broker_url: str) -> Shelf:
    """Return the queue's Redis, else, with RabbitMQ, the memory of this process."""
    is_redis = broker_url.startswith(("redis://", "rediss://"))
    return RedisShelf(broker_url) if is_redis else MemoryShelf()
