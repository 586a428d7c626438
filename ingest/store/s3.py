"""The originals in a bucket of S3, or of a server that speaks its protocol.

Keys, region and roles come the standard way: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, a web identity,
the container's or the machine's role.
"""

import hashlib
import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store

from rag.errors import OriginalMissing, StorageFull, StoreUnavailable
from rag.settings import StoreSettings

log = logging.getLogger(__name__)
BLOCK_BYTES = 1 << 22  # a request each, so that a slow reader of a large file meets no timeout
PARTS_AT_ONCE = 2  # of 8 MB, so that an upload takes 16 MB of memory
PART_BYTES = 8 << 20
CODE = re.compile(r"<Code>(\w+)</Code>")
STATUS = re.compile(r"status code: (\d{3} [A-Z][\w ]+)")
FULL = re.compile(r"QuotaExceeded|StorageFull|507 Insufficient")
SHA256 = re.compile(r"[0-9a-f]{64}")


class S3Originals:
    """See `ingest.store.Store`. An object appears when its upload is complete, so that each is whole."""

    def __init__(self, settings: StoreSettings) -> None:
        self.url = settings.url
        self._bucket = _open(settings, timeout_s=30, retries=2)
        self._probe = _open(settings, timeout_s=2, retries=0)

    def put(self, file: BinaryIO) -> tuple[str, int]:
        start = file.tell()
        digest = hashlib.sha256()
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
        sha256, size = digest.hexdigest(), file.tell() - start
        if not self.exists(sha256):
            file.seek(start)
            with self._translated():
                self._bucket.put(sha256, file, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
        return sha256, size

    def exists(self, sha256: str) -> bool:
        try:
            with self._translated():
                self._bucket.head(sha256)
        except OriginalMissing:
            return False
        return True

    def delete(self, sha256: str) -> None:
        with self._translated():
            self._bucket.delete(sha256)

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(prefix="original-") as file:
            digest = hashlib.sha256()
            with self._translated():
                size = self._bucket.head(sha256)["size"]
            for block in self.read(sha256, 0, size):
                digest.update(block)
                file.write(block)
            file.flush()
            if digest.hexdigest() != sha256:
                raise StoreUnavailable(f"{self.url}/{sha256} has other bytes than were stored.")
            yield Path(file.name)

    def read(self, sha256: str, start: int, end: int) -> Iterator[bytes]:
        for first in range(start, end, BLOCK_BYTES):
            with self._translated():
                block = bytes(self._bucket.get_range(sha256, start=first, end=min(first + BLOCK_BYTES, end)))
            yield block

    def list(self) -> Iterator[tuple[str, float]]:
        with self._translated():
            for page in self._bucket.list():
                for entry in page:
                    if SHA256.fullmatch(entry["path"]):
                        yield entry["path"], entry["last_modified"].timestamp()

    def ping(self) -> None:
        with self._translated():
            next(iter(self._probe.list()), None)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the client's errors into ours; what they say in full goes to the log."""
        try:
            yield
        except FileNotFoundError as exc:
            if "NoSuchBucket" not in str(exc):
                raise OriginalMissing(f"{self.url} does not have it. Upload the document again.") from exc
            raise StoreUnavailable(f"{self.url}: NoSuchBucket") from exc
        except BaseError as exc:
            said = str(exc)
            log.warning("store", extra={"error": said.partition("\n")[0]})
            match = CODE.search(said) or STATUS.search(said)
            reason = match[1] if match else "no answer"
            if FULL.search(reason):
                raise StorageFull(f"{self.url}: {reason}. Nothing was stored.") from exc
            raise StoreUnavailable(f"{self.url}: {reason}") from exc


def _open(settings: StoreSettings, *, timeout_s: int, retries: int) -> S3Store:
    """Return a client that waits `timeout_s` for an answer, and no longer than that once more for its retries."""
    parts = urlsplit(settings.url)
    timeout = timedelta(seconds=timeout_s)
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        endpoint=settings.endpoint or None,
        client_options={"allow_http": True, "connect_timeout": timedelta(seconds=2), "timeout": timeout},
        retry_config={"max_retries": retries, "retry_timeout": timeout},
    )
