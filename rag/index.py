"""The vectors of one generation, by chunk id. Holds no text; the registry says what a hit is.

Each document collection has a partition of its own, so that a search in some collections costs no more than one in all.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from heapq import nlargest
from typing import TypeVar
from urllib.parse import urlsplit

import chromadb
from chromadb.api import ClientAPI
from chromadb.config import Settings as ChromaClientSettings
from chromadb.errors import NotFoundError

from rag.errors import IndexUnavailable
from rag.partition import Chroma, Partition
from rag.tokens import model_name
from rag.types import Generation
from rag.vectors import Vectors

T = TypeVar("T")
ASKED_AT_ONCE = 8  # partitions, by all searches of a process


class Index:
    """The partitions of one generation. Other processes make and drop some of them meanwhile. Safe to share."""

    def __init__(self, url: str, generation: Generation) -> None:
        """Open what there is. Raise EmbedderMismatch if another model filled it."""
        self.name = generation.index_name
        embedder, dimension = model_name(generation.model), generation.dimension
        self._chroma = Chroma(url=url, client=_client(url), embedder=embedder, dimension=dimension)
        self._known: dict[str, Partition] = {}
        self._pool = ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="index")
        self._partitions()
        with self._chroma.translated(), suppress(NotFoundError):  # of a release that had no partitions
            self._chroma.client.delete_collection(self.name)

    def upsert(self, ids: Sequence[str], vectors: Vectors, *, document_id: str, version: int, collection: str) -> None:
        """Store one version's vectors, (n, dim) in the order of `ids`. The same ids again change nothing."""
        self._partition(collection).upsert(ids, vectors, {"document_id": document_id, "version": version})

    def search(
        self,
        vector: Vectors,
        *,
        limit: int,
        collections: Sequence[str],
        ids: Mapping[str, Sequence[str]] | None = None,
    ) -> dict[str, float]:
        """Return up to `limit` chunk ids of these collections with their cosine similarity, best first.

        With `ids`, by collection, only such of them are returned. A collection without vectors is no error.
        """
        asked = {
            self._partition(name): None if ids is None else ids.get(name, ()) for name in dict.fromkeys(collections)
        }
        found = self._each(list(asked), lambda partition: partition.search(vector, limit, asked[partition]))
        scores = (score for scores in found for score in scores.items())
        return dict(nlargest(limit, scores, key=lambda score: score[1]))

    def ids_of(self, document_id: str) -> set[str]:
        """Return the ids of a document's vectors, those of all its versions, in all collections."""
        found = self._each(self._partitions(), lambda partition: partition.ids_of(document_id))
        return {key for ids in found for key in ids}

    def keep_only(self, document_id: str, kept: Collection[str], collection: str) -> set[str]:
        """Remove a document's vectors but those of `kept` in this collection; return which of `kept` are there.

        Raise IndexUnavailable if any other is still there afterwards.
        """
        left: set[str] = set()
        for partition in self._partitions():
            mine = set(kept) if partition.collection == collection else set()
            partition.delete(sorted({*partition.ids_of(document_id)} - mine))
            found = {*partition.ids_of(document_id)}
            if found - mine:
                raise IndexUnavailable(f"{len(found - mine)} vectors of {document_id} are still there.")
            left |= found
        return left

    def ids(self) -> Iterator[list[str]]:
        """Yield the ids of all vectors, some thousands at a time."""
        for partition in self._partitions():
            yield from partition.ids()

    def delete(self, ids: Sequence[str], collection: str | None = None) -> None:
        """Remove vectors by chunk id, from one collection or from all."""
        if ids:
            list(self._each(self._partitions(collection), lambda partition: partition.delete(ids)))

    def count(self) -> int:
        """Return the number of vectors."""
        return sum(self._each(self._partitions(), Partition.count))

    def drop(self) -> None:
        """Remove all partitions."""
        list(self._each(self._partitions(), Partition.drop))

    def ping(self) -> None:
        """Raise IndexUnavailable if Chroma does not answer."""
        with self._chroma.translated():
            self._chroma.client.count_collections()

    def _partition(self, collection: str) -> Partition:
        return self._known.setdefault(collection, Partition(self._chroma, self._name_of(collection), collection))

    def _partitions(self, collection: str | None = None) -> list[Partition]:
        """Return one collection's partition, or all that Chroma has now: 1 ms, and 30 if there are a hundred."""
        if collection is not None:
            return [self._partition(collection)]
        with self._chroma.translated():
            listed = self._chroma.client.list_collections()
        partitions = []
        for found in listed:
            name = str((found.metadata or {}).get("collection"))
            if found.name == self._name_of(name):
                partitions.append(self._partition(name))
                partitions[-1].use(found)
        return partitions

    def _name_of(self, collection: str) -> str:
        """Return the name of a partition in Chroma, which takes fewer characters than a collection may have."""
        return f"{self.name}-{hashlib.sha256(collection.encode()).hexdigest()[:16]}"

    def _each(self, partitions: Sequence[Partition], ask: Callable[[Partition], T]) -> Iterable[T]:
        """Ask several partitions at the same time; return the answers in their order."""
        return self._pool.map(ask, partitions) if len(partitions) > 1 else map(ask, partitions)


def _client(url: str) -> ClientAPI:
    parts = urlsplit(url)
    return chromadb.HttpClient(
        host=parts.hostname or "localhost",
        port=parts.port or 8000,
        ssl=parts.scheme == "https",
        settings=ChromaClientSettings(anonymized_telemetry=False),
    )
