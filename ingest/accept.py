"""A file on its way in: told what it is, stored by its hash, recorded, and a worker woken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from ingest.parse.kinds import kind_of
from ingest.queue import Queue
from ingest.store import Store
from rag.errors import DocumentTooLarge
from rag.registry import Registry
from rag.types import Document, Principal
from rag.uploads import Upload


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What accepting a document needs, opened once. Uploads and every source come through here."""

    registry: Registry
    store: Store
    queue: Queue
    max_bytes: int

    def accept(
        self,
        file: BinaryIO,
        filename: str,
        principal: Principal,
        *,
        collection: str,
        source_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        access: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[Document, bool]:
        """Store a seekable file and queue it; return its document and whether it is new work.

        From its return the document is accepted: it ends `ready` or `failed`, whatever is killed. Raise a
        PermanentError for a file that cannot be taken, StorageFull without room; then nothing is kept.
        """
        kind = kind_of(file, filename)
        if size_of(file) > self.max_bytes:
            raise DocumentTooLarge(f"{filename}: the limit is {self.max_bytes:,} bytes. Split the document.")
        self.registry.require_replaceable(collection, source_id, principal)
        sha256, size_bytes = self.store.put(file)
        upload = Upload(
            collection=collection,
            filename=filename,
            sha256=sha256,
            size_bytes=size_bytes,
            media_type=str(kind),
            source_id=source_id,
            idempotency_key=idempotency_key,
            metadata=metadata,
            access=access,
        )
        document, is_new = self.registry.add(upload, principal)
        if not self.store.exists(sha256):  # removed with a deleted document that had the same bytes
            file.seek(0)
            self.store.put(file)
        if is_new:
            self.queue.wake()
        return document, is_new


def size_of(file: BinaryIO) -> int:
    """Return the size of a file in bytes; it is left at its start."""
    size = file.seek(0, 2)
    file.seek(0)
    return size
