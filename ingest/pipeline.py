"""The document's story: parse, chunk, embed, index, then serve it in one step. Runs without a queue."""

import logging
import os
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ingest.chunk import Chunker, embedded_text
from ingest.parse.kinds import kind_of
from ingest.parse.sandbox import parse_in_sandbox
from ingest.store import Store
from rag.embed import Embedder
from rag.errors import PermanentError, RagError
from rag.index import Index
from rag.leases import Leases, Work, chunk_id
from rag.settings import Settings
from rag.types import Chunk, Failure, ParsedDocument, Version
from rag.vectors import Vectors

log = logging.getLogger(__name__)
EMBED_AT_ONCE = 256  # passages between two progress reports; enough to sort by length
MAX_DELAY_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """What ingesting needs, opened once."""

    settings: Settings
    leases: Leases
    store: Store
    chunker: Chunker
    embedder: Embedder
    index: Index

    def ingest(self, work: Work) -> None:
        """Make a version searchable and serve it instead of the one before; do nothing if another has it.

        A permanent error ends the version as failed, a transient one gives it back for a later try.
        Whatever ends this process, the lease runs out and the work is taken up again from the start;
        chunk ids are the same then, so nothing is doubled.
        """
        owner = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        claimed = self.leases.claim(work, owner, self.settings.worker.lease_s)
        if claimed is None:
            return
        document, version = claimed
        with self._heartbeat(work, owner):
            try:
                self.leases.report(work, owner, stage="parse", done=0, total=1, unit="documents")
                parsed = self._parse(version)
                text, chunks = self.chunker.chunk(parsed)
                vectors = self._embed(work, owner, chunks)
                ids = [chunk_id(work, chunk.ordinal) for chunk in chunks]
                self.leases.report(work, owner, stage="index", done=0, total=len(ids), unit="chunks")
                self.index.upsert(
                    ids, vectors, document_id=work.document_id, version=work.version, collection=document.collection
                )
                served = self.leases.finish(
                    work, owner, title=parsed.title, text=text, pages=parsed.pages, chunks=chunks
                )
                if served and work.version > 1:
                    self.index.delete_document(work.document_id, before_version=work.version)
                elif not served:  # deleted or replaced meanwhile
                    self.index.delete(ids)
            except PermanentError as exc:
                self._fail(work, owner, exc)
            except Exception as exc:  # noqa: BLE001  # whatever it is, the work must not be lost
                self._retry(work, owner, version, exc)

    def restore_index(self) -> None:
        """Queue all documents again if the index is empty although the registry has passages: it was lost."""
        if self.index.count() == 0 and (queued := self.leases.requeue_all()):
            log.warning("the index is empty and is filled again", extra={"documents": queued})

    def purge(self, document_id: str) -> None:
        """Remove a deleted document's vectors, original and chunks; wait for the sweeper while it is worked on."""
        if not self.leases.is_purgeable(document_id):
            return
        self.index.delete_document(document_id)
        self.leases.forget(document_id, self.store.delete)
        log.info("purged", extra={"document_id": document_id})

    def _parse(self, version: Version) -> ParsedDocument:
        with self.store.local(version.sha256) as path:
            with path.open("rb") as file:
                kind = kind_of(file, version.filename)
            return parse_in_sandbox(path, version.filename, kind, self.settings.parse)

    def _embed(self, work: Work, owner: str, chunks: list[Chunk]) -> Vectors:
        parts = [self.embedder.embed([])]
        for first in range(0, len(chunks), EMBED_AT_ONCE):
            self.leases.report(work, owner, stage="embed", done=first, total=len(chunks), unit="chunks")
            parts.append(self.embedder.embed([embedded_text(chunk) for chunk in chunks[first : first + EMBED_AT_ONCE]]))
        return np.concatenate(parts)

    def _fail(self, work: Work, owner: str, error: RagError) -> None:
        failure = Failure(type=error.type, title=error.title, detail=error.detail)
        self.leases.fail(work, owner, failure)
        log.warning("failed", extra={"document_id": work.document_id, "error": error.type})

    def _retry(self, work: Work, owner: str, version: Version, error: Exception) -> None:
        """Give the work back with a capped, jittered delay; after the last attempt it has failed."""
        known = (
            error if isinstance(error, RagError) else RagError(f"{type(error).__name__} in the worker; see its log.")
        )
        log.warning("attempt failed", extra={"document_id": work.document_id, "error": known.type}, exc_info=error)
        if version.attempts >= self.settings.worker.max_attempts:
            self._fail(work, owner, known)
            return
        delay_s = min(MAX_DELAY_S, 2.0**version.attempts) * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
        failure = Failure(type=known.type, title=known.title, detail=known.detail)
        self.leases.postpone(work, owner, failure, delay_s)

    @contextmanager
    def _heartbeat(self, work: Work, owner: str) -> Iterator[None]:
        """Renew the lease from another thread for as long as the block runs."""
        ended = threading.Event()
        lease_s = self.settings.worker.lease_s

        def beat() -> None:
            while not ended.wait(lease_s / 3):
                try:
                    self.leases.renew(work, owner, lease_s)
                except RagError as exc:
                    log.warning("heartbeat failed", extra={"document_id": work.document_id, "error": exc.type})

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
