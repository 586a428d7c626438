"""Requests for embeddings that come at the same time share the model's batches, and none waits for all of another."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Event, Thread

import numpy as np

from rag.vectors import Vectors

ROUND = 64  # texts that one thread encodes at once: enough to sort by length, and half a second's work


@dataclass(kw_only=True)
class _Request:
    texts: Sequence[str]
    taken: int = 0
    rows: dict[int, Vectors] = field(default_factory=dict)
    is_done: Event = field(default_factory=Event)
    error: Exception | None = None

    def is_whole(self) -> bool:
        return sum(map(len, self.rows.values())) == len(self.texts)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Some of a request's texts, from `first` on."""

    request: _Request
    first: int
    texts: Sequence[str]


class Batching:
    """Encodes in rounds, several at once: each takes a fair share of every request that waits."""

    def __init__(self, encode: Callable[[Sequence[str]], Vectors], threads: int) -> None:
        self._encode = encode
        self._waiting: deque[_Request] = deque()
        self._changed = Condition()
        for _ in range(threads):
            Thread(target=self._run, daemon=True).start()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 array (len(texts), dimension) in input order. Raise what the model raises."""
        request = _Request(texts=texts)
        with self._changed:
            self._waiting.append(request)
            self._changed.notify()
        request.is_done.wait()
        if request.error:
            raise request.error
        return np.concatenate([request.rows[first] for first in sorted(request.rows)])

    def _run(self) -> None:
        while True:
            parts = self._take()
            try:
                vectors, error = self._encode([text for part in parts for text in part.texts]), None
            except Exception as exc:  # noqa: BLE001  # it belongs to those who asked
                vectors, error = np.empty((0, 0), dtype=np.float32), exc
            self._hand_out(parts, vectors, error)

    def _take(self) -> list[_Part]:
        """Wait for requests; return the same number of texts of each, and keep those of which some are left."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting))
            share = max(1, ROUND // len(self._waiting))
            parts = []
            for request in list(self._waiting)[:ROUND]:
                texts = request.texts[request.taken : request.taken + share]
                parts.append(_Part(request=request, first=request.taken, texts=texts))
                request.taken += len(texts)
                if request.taken >= len(request.texts):
                    self._waiting.remove(request)
            if self._waiting:
                self._changed.notify()
            return parts

    def _hand_out(self, parts: Sequence[_Part], vectors: Vectors, error: Exception | None) -> None:
        begin = 0
        with self._changed:
            for part in parts:
                part.request.rows[part.first] = vectors[begin : begin + len(part.texts)]
                begin += len(part.texts)
                part.request.error = part.request.error or error
                if error or part.request.is_whole():
                    part.request.is_done.set()
