"""Streams that outlive a connection: a task makes the events, readers follow them, and one may come back for the rest.

For asyncio alone; everything here runs in the event loop.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Generic, TypeVar

MOST_AHEAD = 256  # events that no reader has read yet: the source waits, and with it the engine
T = TypeVar("T")
log = logging.getLogger(__name__)


class Live(Generic[T]):
    """The events of one stream, in order. Once nobody follows it for `grace_s` seconds, it is stopped."""

    def __init__(
        self,
        source: AsyncGenerator[T, None],
        *,
        grace_s: float = 0.0,
        stopped: T | None = None,
        is_last: Callable[[T], bool] = lambda _: False,
    ) -> None:
        """Begin. What `source` raises ends the stream.

        `stopped` is the last event of a stream that was stopped before one that `is_last`.
        """
        self.events: list[T] = []
        self.is_over = False
        self._source, self._grace_s, self._stopped, self._is_last = source, grace_s, stopped, is_last
        self._readers: set[Reader[T]] = set()
        self._ended: list[Callable[[], None]] = []
        self._furthest, self._room = 0, asyncio.Event()
        self._stopping: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._run())

    def follow(self, after: int = 0) -> "Reader[T]":
        """Return a reader of the events after the first `after`."""
        reader = Reader(self, after)
        self._readers.add(reader)
        self._go_on()
        return reader

    def when_over(self, call: Callable[[], None]) -> None:
        """Have `call` called once, at the end."""
        self._ended.append(call)

    def read_up_to(self, number: int) -> None:
        self._furthest = max(self._furthest, number)
        self._room.set()

    def left_by(self, reader: "Reader[T]") -> None:
        self._readers.discard(reader)
        if not self._readers and not self.is_over and self._stopping is None:
            self._stopping = asyncio.get_running_loop().call_later(self._grace_s, self._task.cancel)

    def _go_on(self) -> None:
        """Forget that nobody was reading: the grace is whole again for who leaves next, too."""
        if self._stopping is not None:
            self._stopping.cancel()
            self._stopping = None

    async def _run(self) -> None:
        try:
            async with aclosing(self._source):
                async for event in self._source:
                    self.events.append(event)
                    if self._is_last(event):
                        break
                    self._tell()
                    while len(self.events) - self._furthest >= MOST_AHEAD:
                        self._room.clear()
                        await self._room.wait()
        except asyncio.CancelledError:
            if self._stopped is not None:
                self.events.append(self._stopped)
        except Exception:
            log.exception("unexpected error in a stream")
        finally:
            self.is_over = True
            self._go_on()
            self._tell()
            for call in self._ended:
                call()

    def _tell(self) -> None:
        for reader in self._readers:
            reader.news.set()


class Reader(Generic[T]):
    """What one connection reads of a stream. `close` it at the end."""

    def __init__(self, live: Live[T], after: int) -> None:
        self.news = asyncio.Event()
        self._live, self._read = live, after

    async def batch(self, patience_s: float) -> Sequence[tuple[int, T]] | None:
        """Return the new events with their numbers from 1, none after `patience_s` without any, None at the end."""
        if self._read >= len(self._live.events) and not self._live.is_over:
            self.news.clear()
            timer = asyncio.get_running_loop().call_later(patience_s, self.news.set)
            await self.news.wait()
            timer.cancel()
        found = list(enumerate(self._live.events[self._read :], self._read + 1))
        self._read += len(found)
        self._live.read_up_to(self._read)
        return None if not found and self._live.is_over else found

    def close(self) -> None:
        self._live.left_by(self)
