"""Vectors in a Chroma server: upsert, delete, search. Holds no text; the registry says what a hit is."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from urllib.parse import urlsplit

import chromadb
import httpx
import numpy as np
from chromadb.api import ClientAPI
from chromadb.api.models.Collection import Collection
from chromadb.api.types import Metadata
from chromadb.config import Settings as ChromaClientSettings
from chromadb.errors import ChromaError, NotFoundError

from rag.errors import EmbedderMismatch, IndexUnavailable, RagError
from rag.tokens import model_name
from rag.types import Generation
from rag.vectors import Vectors

IDS_AT_ONCE = 5000
SEARCH_TRIES, SEARCH_PAUSE_S = 4, 0.1  # while Chroma writes a collection's first index file, it finds none on disk
BATCH = 1000  # fastest insert measured; far below the server's limit


@dataclass(kw_only=True)
class _Write:
    """Vectors of one version that wait to be stored, by id, with their metadata."""

    rows: dict[str, tuple[Vectors, Metadata]]
    is_done: bool = False
    error: RagError | None = None


class Index:
    """The Chroma collection of one generation. Its metadata tell model and dimension."""

    def __init__(self, url: str, generation: Generation) -> None:
        """Open the collection, made if need be. Raise EmbedderMismatch if another model filled it."""
        self._url = url
        self.name = generation.index_name
        self._waiting: list[_Write] = []
        self._arriving, self._storing = Lock(), Lock()
        self._identity = {"embedder": model_name(generation.model), "dimension": generation.dimension}
        with self._translated():
            self._client = _client(url)
        self._handle: Collection | None = self._opened()

    @property
    def _collection(self) -> Collection:
        """Return the collection; one that Chroma had lost is made anew, and is empty."""
        handle = self._handle = self._handle or self._opened()
        return handle

    def _opened(self) -> Collection:
        with self._translated():
            collection = self._client.get_or_create_collection(
                self.name,
                metadata=self._identity,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine"}},
            )
        found = collection.metadata or {}
        if {key: found.get(key) for key in self._identity} != self._identity:
            raise EmbedderMismatch(
                f"Chroma's collection {self.name} was filled by {found.get('embedder')} with "
                f"{found.get('dimension')} dimensions; the registry says {self._identity['embedder']} with "
                f"{self._identity['dimension']}. They are not of the same service: check RAG_CHROMA_URL."
            )
        return collection

    def upsert(self, ids: Sequence[str], vectors: Vectors, *, document_id: str, version: int, collection: str) -> None:
        """Store one version's vectors, (n, dim) in the order of `ids`. The same ids again change nothing.

        Documents that come while another is being stored are stored together: a call costs as much as ten vectors.
        """
        metadata: Metadata = {"document_id": document_id, "version": version, "collection": collection}
        write = _Write(rows={key: (vector, metadata) for key, vector in zip(ids, vectors, strict=True)})
        with self._arriving:
            self._waiting.append(write)
        with self._storing:
            if not write.is_done:
                with self._arriving:
                    writes, self._waiting = self._waiting, []
                self._store(writes)
        if write.error:
            raise write.error

    def _store(self, writes: Sequence["_Write"]) -> None:
        rows = [(key, *row) for key, row in {key: row for write in writes for key, row in write.rows.items()}.items()]
        failure: RagError | None = IndexUnavailable(f"The call to Chroma at {self._url} did not come to its end.")
        try:
            for first in range(0, len(rows), BATCH):
                ids, vectors, metadatas = zip(*rows[first : first + BATCH], strict=True)
                with self._translated():
                    self._collection.upsert(ids=list(ids), embeddings=list(vectors), metadatas=list(metadatas))
            failure = None
        except RagError as exc:
            failure = exc
        finally:
            for write in writes:
                write.error, write.is_done = failure, True

    def ids_of(self, document_id: str) -> set[str]:
        """Return the ids of a document's vectors, those of all its versions."""
        with self._translated():
            return set(self._collection.get(where={"document_id": document_id}, include=[])["ids"])

    def ids(self) -> Iterator[list[str]]:
        """Yield the ids of all vectors, some thousands at a time."""
        offset = 0
        while True:
            with self._translated():
                found = self._collection.get(limit=IDS_AT_ONCE, offset=offset, include=[])["ids"]
            if not found:
                return
            yield found
            offset += len(found)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors by chunk id."""
        with self._translated():
            for first in range(0, len(ids), BATCH):
                self._collection.delete(ids=list(ids[first : first + BATCH]))

    def search(
        self, vector: Vectors, *, limit: int, collections: Sequence[str] | None, ids: object = None
    ) -> dict[str, float]:
        """Return up to `limit` chunk ids with their cosine similarity, best first; None: all collections."""
        for _ in range(SEARCH_TRIES - 1):
            with suppress(IndexUnavailable):
                return self._search(vector, limit, collections)
            time.sleep(SEARCH_PAUSE_S)
        return self._search(vector, limit, collections)

    def _search(self, vector: Vectors, limit: int, collections: Sequence[str] | None) -> dict[str, float]:
        where = {"collection": {"$in": list(collections)}} if collections is not None else None
        with self._translated():
            found = self._collection.query(
                query_embeddings=np.expand_dims(vector, 0),
                n_results=limit,
                where=where,  # type: ignore[arg-type]
                include=["distances"],
            )
        distances = (found["distances"] or [[]])[0]
        return dict(zip(found["ids"][0], (1 - np.asarray(distances, dtype=float)).tolist(), strict=True))

    def count(self) -> int:
        """Return the number of vectors."""
        with self._translated():
            return int(self._collection.count())

    def drop(self) -> None:
        """Remove the collection and all its vectors."""
        with self._translated():
            self._client.delete_collection(self.name)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except NotFoundError as exc:  # lost, or dropped: who asks again begins with an empty one, which fills again
            self._handle = None
            raise IndexUnavailable(f"Chroma at {self._url} had lost {self.name}.") from exc
        except (ChromaError, httpx.HTTPError, ValueError) as exc:
            raise IndexUnavailable(f"Chroma at {self._url}: {exc}") from exc


def _client(url: str) -> ClientAPI:
    parts = urlsplit(url)
    return chromadb.HttpClient(
        host=parts.hostname or "localhost",
        port=parts.port or 8000,
        ssl=parts.scheme == "https",
        settings=ChromaClientSettings(anonymized_telemetry=False),
    )
