"""The document's story: read, embed, index, then serve it in one step. Runs without a queue."""

import logging
import os
import random
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Event

import numpy as np

from ingest.chunk import Chunker, embedded_text
from ingest.heartbeat import Heartbeat
from ingest.read import Reader
from ingest.store import Store
from rag.dense import Dense, DenseIndexes
from rag.errors import PermanentError, RagError, TransientError
from rag.leases import Claim, Leases
from rag.records import chunk_id
from rag.serving import Serving, Switch
from rag.settings import Settings
from rag.types import Chunk, Extracted, Failure, Version
from rag.vectors import Vectors
from rag.work import Kind, Work

log = logging.getLogger(__name__)
EMBED_AT_ONCE = 128  # passages between two looks at the lease; enough to sort by length
MAX_DELAY_S = 30.0  # work goes on within a minute after what it needs is back
REPORT_EVERY_S = 0.5
SMALL_BYTES = 300_000  # what a worker always has room for, however many large documents wait


class Interrupted(Exception):
    """The worker stops, or the work is no longer its own."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """What ingesting needs, opened once. `stopping` is set when the worker is to end."""

    settings: Settings
    leases: Leases
    serving: Serving
    store: Store
    reader: Reader
    indexes: DenseIndexes
    stopping: Event
    chunkers: dict[int, Chunker] = field(default_factory=dict)  # by generation

    def work_once(self, *, small_only: bool = False) -> bool:
        """Do the next work that is due; return False if there is none.

        A permanent error ends a version as failed, any other gives the work back for a later try. Whatever ends
        this process, the lease runs out and another takes the work from the start; chunk ids are the same then,
        so nothing is doubled.
        """
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        lease_s, most = self.settings.worker.lease_s, self.settings.worker.max_attempts
        max_bytes = SMALL_BYTES if small_only else None
        claim = self.leases.claim(owner, lease_s, max_strikes=most, max_bytes=max_bytes)
        if claim is None:
            return False
        do = {Kind.INGEST: self.ingest, Kind.REINDEX: self.reindex, Kind.CLEAN: self.clean}[claim.work.kind]
        with Heartbeat(self.leases, claim.work, lease_s) as heartbeat:
            try:
                do(claim, heartbeat)
            except Interrupted:
                self.leases.release(claim.work)
            except Exception as exc:  # noqa: BLE001  # whatever it is, the work must not be lost
                if isinstance(exc, PermanentError) and claim.work.kind != Kind.CLEAN:  # what is deleted must go
                    self._fail(claim.work, exc)
                else:
                    self._postpone(claim.work, exc)
        return True

    def ingest(self, claim: Claim, heartbeat: Heartbeat) -> None:
        """Make a version searchable and serve it instead of the one before."""
        work, version = claim.work, claim.version
        if version is None:
            raise TypeError("ingest needs a version")
        dense = self.indexes.serving()
        extracted = self._read(work, version, dense)
        ids = self._index(claim, heartbeat, dense, version.version, extracted.chunks)
        match self.serving.switch(work, extracted, dense.generation.id):
            case Switch.SERVED:
                log.info("ready", extra={"document_id": work.document_id, "chunks": len(ids)})
            case Switch.SUPERSEDED:
                dense.index.delete(ids, claim.document.collection)
            case Switch.LOST:
                self._lost(work, dense)
            case Switch.MOVED:
                self._drop_if_gone(dense)
                raise Interrupted

    def reindex(self, claim: Claim, heartbeat: Heartbeat) -> None:
        """Fill another generation with the version that is served, from its chunks in the registry."""
        work = claim.work
        dense = next((one for one in self.indexes.all() if one.generation.id == work.generation), None)
        version, chunks = self.serving.served_chunks(work.document_id)
        if dense is not None and version == work.version:
            self._index(claim, heartbeat, dense, version, chunks)
            if not self.serving.reindexed(work):
                self._lost(work, dense)
        else:
            self.leases.done(work)

    def clean(self, claim: Claim, heartbeat: Heartbeat) -> None:
        """Remove the vectors that are no longer shown, and of a deleted document everything; prove it by query."""
        work = claim.work
        version, chunks = self.serving.served_chunks(work.document_id)
        expected = {chunk_id(work.document_id, version, chunk.ordinal) for chunk in chunks}
        for dense in self.indexes.all():  # in every collection: a document may have been moved
            left = dense.index.keep_only(work.document_id, expected, claim.document.collection)
            if expected - left and self.serving.is_indexed(work.document_id, dense.generation.id):
                self.serving.ask_to_index([work.document_id], dense.generation.id)
        if claim.is_deleted:
            self.serving.purge(work, self.store.delete)
            log.info("purged", extra={"document_id": work.document_id})
        self.leases.done(work)

    def _lost(self, work: Work, dense: Dense) -> None:
        """Another has the work, or its document is deleted: what should not be in the index is for its cleaning."""
        self._drop_if_gone(dense)
        self.leases.done(work)
        self.leases.ask_to_clean([work.document_id])

    def _drop_if_gone(self, dense: Dense) -> None:
        """Remove again what was stored in a generation that was dropped meanwhile: nobody else will."""
        if dense.generation.id not in {one.generation.id for one in self.indexes.all()}:
            dense.index.drop()

    def _tell_pages(self, work: Work, done: int, total: int) -> None:
        with suppress(RagError):  # it is only progress
            self.leases.report(work, stage="parse", done=done, total=total, unit="pages")

    def _read(self, work: Work, version: Version, dense: Dense) -> Extracted:
        generation = dense.generation
        if generation.id not in self.chunkers:
            self.chunkers[generation.id] = Chunker(generation.model, generation.max_tokens, self.settings.chunk)
        chunker = self.chunkers[generation.id]
        with self.store.local(version.sha256) as path:
            return self.reader.read(path, version.filename, chunker, partial(self._tell_pages, work))

    def _index(
        self, claim: Claim, heartbeat: Heartbeat, dense: Dense, version: int, chunks: Sequence[Chunk]
    ) -> list[str]:
        """Embed the chunks and store their vectors; return the ids in order. Raise Interrupted if it must end."""
        work, parts = claim.work, [dense.embedder.embed([])]
        reported = 0.0 if len(chunks) > EMBED_AT_ONCE else time.monotonic()
        for first in range(0, len(chunks), EMBED_AT_ONCE):
            if self.stopping.is_set() or heartbeat.is_lost:
                raise Interrupted
            if time.monotonic() - reported > REPORT_EVERY_S:
                self.leases.report(work, stage="embed", done=first, total=len(chunks), unit="chunks")
                reported = time.monotonic()
            batch = chunks[first : first + EMBED_AT_ONCE]
            parts.append(dense.embedder.embed([embedded_text(chunk) for chunk in batch]))
        ids = [chunk_id(work.document_id, version, chunk.ordinal) for chunk in chunks]
        vectors: Vectors = np.concatenate(parts)
        dense.index.upsert(
            ids, vectors, document_id=work.document_id, version=version, collection=claim.document.collection
        )
        return ids

    def _fail(self, work: Work, error: RagError) -> None:
        failure = Failure(type=error.type, title=error.title, detail=error.detail)
        self.leases.fail(work, failure)
        log.warning("failed", extra={"document_id": work.document_id, "error": error.type, "kind": str(work.kind)})

    def _postpone(self, work: Work, error: Exception) -> None:
        """Give the work back with a capped, jittered delay. What does not answer is not the document's fault."""
        known = error if isinstance(error, RagError) else RagError(f"{type(error).__name__}; see the worker's log.")
        log.warning("attempt failed", extra={"document_id": work.document_id, "error": known.type}, exc_info=error)
        delay_s = min(MAX_DELAY_S, 0.5 * 2.0 ** min(work.attempts, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        failure = Failure(type=known.type, title=known.title, detail=known.detail)
        self.leases.postpone(work, failure, delay_s, strike=not isinstance(error, TransientError))
