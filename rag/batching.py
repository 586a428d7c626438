"""Requests for embeddings that come at the same time share the model's batches, and none waits for all of another."""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Event, Thread

import numpy as np

from rag.vectors import Vectors

ROUND = 128  # texts of one round: enough to sort by length, and a second's work on two cores


class _Request:
    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.parts: list[Vectors] = []
        self.taken = 0
        self.done = Event()
        self.error: Exception | None = None

    def take(self, most: int) -> Sequence[str]:
        part = self.texts[self.taken : self.taken + most]
        self.taken += len(part)
        return part


class Batching:
    """Encodes in rounds: each takes a fair share of every request that waits."""

    def __init__(self, encode: Callable[[Sequence[str]], Vectors]) -> None:
        self._encode = encode
        self._waiting: deque[_Request] = deque()
        self._changed = Condition()
        Thread(target=self._run, daemon=True).start()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 array (len(texts), dimension) in input order. Raise what the model raises."""
        request = _Request(texts)
        with self._changed:
            self._waiting.append(request)
            self._changed.notify()
        request.done.wait()
        if request.error:
            raise request.error
        return np.concatenate(request.parts)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                requests = list(self._waiting)
            share = max(1, ROUND // len(requests))
            parts = [request.take(share) for request in requests]
            try:
                vectors = self._encode([text for part in parts for text in part])
                self._hand_out(requests, parts, vectors)
            except Exception as exc:  # noqa: BLE001  # it belongs to those who asked
                for request in requests:
                    request.error = exc
            with self._changed:
                for request in requests:
                    if request.error or request.taken >= len(request.texts):
                        self._waiting.remove(request)
                        request.done.set()

    @staticmethod
    def _hand_out(requests: Sequence[_Request], parts: Sequence[Sequence[str]], vectors: Vectors) -> None:
        first = 0
        for request, part in zip(requests, parts, strict=True):
            request.parts.append(vectors[first : first + len(part)])
            first += len(part)
