"""Vectors in a Chroma server: upsert, delete, search. Holds no text; the registry says what a hit is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import chromadb
import httpx
import numpy as np
from chromadb.api.models.Collection import Collection
from chromadb.api.types import Metadata, Where
from chromadb.config import Settings as ChromaClientSettings
from chromadb.errors import ChromaError

from rag.embed import Embedder
from rag.errors import EmbedderMismatch, IndexUnavailable
from rag.vectors import Vectors

BATCH = 1000  # fastest insert measured; far below the server's limit


class Index:
    """The Chroma collection of one embedder. Its name and metadata tell model and dimension."""

    def __init__(self, url: str, embedder: Embedder) -> None:
        """Open the collection, made if need be. Raise EmbedderMismatch if another model filled it."""
        self._url = url
        self.name = f"chunks-{embedder.name.lower()}-{embedder.dimension}"
        identity = {"embedder": embedder.name, "dimension": embedder.dimension}
        with self._translated():
            parts = urlsplit(url)
            client = chromadb.HttpClient(
                host=parts.hostname or "localhost",
                port=parts.port or 8000,
                ssl=parts.scheme == "https",
                settings=ChromaClientSettings(anonymized_telemetry=False),
            )
            self._collection: Collection = client.get_or_create_collection(
                self.name,
                metadata=identity,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine"}},
            )
            found = self._collection.metadata or {}
        if {key: found.get(key) for key in identity} != identity:
            raise EmbedderMismatch(
                f"Chroma's collection {self.name} was filled by {found.get('embedder')} with "
                f"{found.get('dimension')} dimensions; set RAG_EMBEDDER_MODEL back to it."
            )

    def upsert(self, ids: Sequence[str], vectors: Vectors, *, document_id: str, version: int, collection: str) -> None:
        """Store one version's vectors, (n, dim) in the order of `ids`. The same ids again change nothing."""
        metadata: Metadata = {"document_id": document_id, "version": version, "collection": collection}
        with self._translated():
            for first in range(0, len(ids), BATCH):
                part = slice(first, first + BATCH)
                self._collection.upsert(
                    ids=list(ids[part]), embeddings=vectors[part], metadatas=[metadata] * len(ids[part])
                )

    def delete_document(self, document_id: str, *, before_version: int | None = None) -> None:
        """Remove a document's vectors, or those of its versions before one."""
        where: Where = {"document_id": document_id}
        if before_version is not None:
            where = {"$and": [where, {"version": cast(Any, {"$lt": before_version})}]}
        with self._translated():
            self._collection.delete(where=where)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors by chunk id."""
        with self._translated():
            for first in range(0, len(ids), BATCH):
                self._collection.delete(ids=list(ids[first : first + BATCH]))

    def search(self, vector: Vectors, *, limit: int, collections: Sequence[str] | None) -> dict[str, float]:
        """Return up to `limit` chunk ids with their cosine similarity, best first; None: all collections."""
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

    def count(self, document_id: str | None = None) -> int:
        """Return the number of vectors, of one document or of all."""
        with self._translated():
            if document_id is None:
                return self._collection.count()
            return len(self._collection.get(where={"document_id": document_id}, include=[])["ids"])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (ChromaError, httpx.HTTPError, ValueError) as exc:
            raise IndexUnavailable(f"Chroma at {self._url}: {exc}") from exc
