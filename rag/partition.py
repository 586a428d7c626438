"""The vectors of one document collection, in a Chroma collection of their own: upsert, delete, search.

Chroma searches a whole collection in 3 ms among 100,000 vectors; with a `where` it takes ten times that.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

import httpx
import numpy as np
from chromadb.api import ClientAPI
from chromadb.api.models.Collection import Collection
from chromadb.api.types import Metadata
from chromadb.errors import ChromaError, NotFoundError

from rag.errors import EmbedderMismatch, IndexUnavailable, RagError
from rag.vectors import Vectors

IDS_AT_ONCE = 5000
PAUSES_S = (0.0, 0.1, 0.1, 0.1)  # while Chroma writes a collection's first index file, it finds none on disk
BATCH = 1000  # fastest insert measured; far below the server's limit


@dataclass(kw_only=True)
class _Write:
    """Vectors of one version that wait to be stored, by id, with their metadata."""

    rows: dict[str, tuple[Vectors, Metadata]]
    is_done: bool = False
    error: RagError | None = None


@dataclass(frozen=True, kw_only=True)
class Chroma:
    """A server, and the embedding model of one generation: what its Chroma collections' metadata must say."""

    url: str
    client: ClientAPI
    embedder: str
    dimension: int

    def check(self, found: Collection) -> None:
        """Raise EmbedderMismatch if another model filled it."""
        metadata = found.metadata or {}
        if (metadata.get("embedder"), metadata.get("dimension")) != (self.embedder, self.dimension):
            raise EmbedderMismatch(
                f"Chroma's collection {found.name} was filled by {metadata.get('embedder')} with "
                f"{metadata.get('dimension')} dimensions; the registry says {self.embedder} with {self.dimension}. "
                "They are not of the same service: check RAG_CHROMA_URL."
            )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the client's errors into IndexUnavailable."""
        try:
            yield
        except NotFoundError as exc:
            raise IndexUnavailable(f"Chroma at {self.url} had lost vectors: {exc}") from exc
        except (ChromaError, httpx.HTTPError, ValueError) as exc:
            raise IndexUnavailable(f"Chroma at {self.url}: {exc}") from exc


class Partition:
    """One Chroma collection, made when the first vectors come. Until then it holds nothing. Safe to share."""

    def __init__(self, chroma: Chroma, name: str, collection: str) -> None:
        """`collection` is the document collection, kept in the metadata."""
        self._chroma, self._name, self.collection = chroma, name, collection
        self._handle: Collection | None = None
        self._waiting: list[_Write] = []
        self._arriving, self._storing = Lock(), Lock()

    def use(self, found: Collection) -> Collection:
        """Take what Chroma has under this name. Raise EmbedderMismatch if another model filled it."""
        self._chroma.check(found)
        self._handle = found
        return found

    def _found(self) -> Collection | None:
        """Return the Chroma collection, perhaps made by another process a moment ago; None if there is none."""
        with suppress(NotFoundError):
            return self._handle or self.use(self._chroma.client.get_collection(self._name, embedding_function=None))
        return None

    def _made(self) -> Collection:
        return self._handle or self.use(
            self._chroma.client.get_or_create_collection(
                self._name,
                metadata={
                    "embedder": self._chroma.embedder,
                    "dimension": self._chroma.dimension,
                    "collection": self.collection,
                },
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine"}},
            )
        )

    def upsert(self, ids: Sequence[str], vectors: Vectors, metadata: Metadata) -> None:
        """Store one version's vectors, (n, dim) in the order of `ids`. The same ids again change nothing.

        Documents that come while another is being stored are stored together: a call costs as much as ten vectors.
        """
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

    def _store(self, writes: Sequence[_Write]) -> None:
        rows = [(key, *row) for key, row in {key: row for write in writes for key, row in write.rows.items()}.items()]
        failure: RagError | None = IndexUnavailable(
            f"The call to Chroma at {self._chroma.url} did not come to its end."
        )
        try:
            for first in range(0, len(rows), BATCH):
                ids, vectors, metadatas = zip(*rows[first : first + BATCH], strict=True)
                with self._translated():
                    self._made().upsert(ids=list(ids), embeddings=list(vectors), metadatas=list(metadatas))
            failure = None
        except RagError as exc:
            failure = exc
        finally:
            for write in writes:
                write.error, write.is_done = failure, True

    def search(self, vector: Vectors, limit: int, ids: Sequence[str] | None) -> dict[str, float]:
        """Return up to `limit` chunk ids, only such of `ids` unless it is None, with their cosine, best first.

        Chroma refuses a search among ids of which it lacks one: then it is asked first which of them it has.
        """
        wanted = ids
        for pause_s in PAUSES_S:
            with suppress(IndexUnavailable):
                return self._search(vector, limit, wanted)
            time.sleep(pause_s)
            wanted = None if ids is None else self.among(ids)
        return self._search(vector, limit, wanted)

    def _search(self, vector: Vectors, limit: int, ids: Sequence[str] | None) -> dict[str, float]:
        with self._translated():
            handle = self._found()
            if handle is None or (ids is not None and not ids):
                return {}
            found = handle.query(
                query_embeddings=np.expand_dims(vector, 0),
                n_results=limit,
                ids=None if ids is None else list(ids),
                include=["distances"],
            )
        distances = (found["distances"] or [[]])[0]
        return dict(zip(found["ids"][0], (1 - np.asarray(distances, dtype=float)).tolist(), strict=True))

    def ids_of(self, document_id: str) -> list[str]:
        """Return the ids of a document's vectors, those of all its versions."""
        return self._ids(where={"document_id": document_id})

    def among(self, ids: Sequence[str]) -> list[str]:
        """Return those of the ids whose vectors are here."""
        parts = (list(ids[first : first + IDS_AT_ONCE]) for first in range(0, len(ids), IDS_AT_ONCE))
        return [key for part in parts for key in self._ids(ids=part)]

    def ids(self) -> Iterator[list[str]]:
        """Yield the ids of all vectors, some thousands at a time."""
        offset = 0
        while found := self._ids(limit=IDS_AT_ONCE, offset=offset):
            yield found
            offset += len(found)

    def _ids(self, **which: Any) -> list[str]:
        with self._translated():
            handle = self._found()
            return handle.get(include=[], **which)["ids"] if handle else []

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors by chunk id; a call with ids that are not here would cost as much as with those that are."""
        here = self.among(ids)
        for first in range(0, len(here), BATCH):
            with self._translated():
                if handle := self._found():
                    handle.delete(ids=here[first : first + BATCH])

    def count(self) -> int:
        """Return the number of vectors."""
        with self._translated():
            handle = self._found()
            return int(handle.count()) if handle else 0

    def drop(self) -> None:
        """Remove the Chroma collection and all its vectors."""
        with self._translated(), suppress(NotFoundError):
            self._chroma.client.delete_collection(self._name)
        self._handle = None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with self._chroma.translated():
            try:
                yield
            except NotFoundError:  # lost, or dropped: who asks again begins with an empty one, which fills again
                self._handle = None
                raise
