"""The originals by their SHA-256: in a folder (`local`), or in a bucket that machines share (`s3`)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from ingest.store.local import LocalStore
from rag.settings import Settings


class Store(Protocol):
    """Files named by their hash; the same bytes are stored once.

    Every method but `list` and `ping` is about one original. All raise StoreUnavailable if the store does not answer.
    """

    def put(self, file: BinaryIO) -> tuple[str, int]:
        """Store the rest of a seekable file, whole or not at all; return its SHA-256 and its size in bytes.

        Raise StorageFull.
        """

    def exists(self, sha256: str) -> bool:
        """Return whether the original is there."""

    def delete(self, sha256: str) -> None:
        """Remove the original, if it is there."""

    def local(self, sha256: str) -> AbstractContextManager[Path]:
        """Give the original as a file on this machine, to be read for as long as the block runs.

        Raise OriginalMissing.
        """

    def read(self, sha256: str, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to, not including, `end`. Raise OriginalMissing with the first."""

    def list(self) -> Iterator[tuple[str, float]]:
        """Yield the hash of every original with the time at which it was stored, in Unix seconds."""

    def ping(self) -> None:
        """Raise StoreUnavailable if the store does not answer."""


def open_store(settings: Settings) -> Store:
    """Return the store that the settings name, the folder `originals` in the data folder by default."""
    if not settings.store.url:
        return LocalStore(settings.data_dir / "originals")
    from ingest.store.s3 import S3Originals  # 11 MB that others need not pay

    return S3Originals(settings.store)
