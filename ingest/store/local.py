"""The originals in a local folder."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rag.errors import OriginalMissing, StorageFull, StoreUnavailable

BLOCK_BYTES = 1 << 20
PART = ".part-"


class LocalStore:
    """See `ingest.store.Store`. Only the user that runs the service can read the files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, file: BinaryIO) -> tuple[str, int]:
        digest = hashlib.sha256()
        size = 0
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=PART)
        try:
            with os.fdopen(descriptor, "wb") as part:
                while block := file.read(BLOCK_BYTES):
                    digest.update(block)
                    size += len(block)
                    part.write(block)
                part.flush()
                os.fsync(part.fileno())
            target = self._path(digest.hexdigest())
            target.parent.mkdir(exist_ok=True, mode=0o700)
            Path(name).replace(target)
        except OSError as exc:
            Path(name).unlink(missing_ok=True)
            if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFull(f"No room is left under {self._folder}. Nothing was stored.") from exc
            raise
        return digest.hexdigest(), size

    def exists(self, sha256: str) -> bool:
        return self._path(sha256).exists()

    def delete(self, sha256: str) -> None:
        self._path(sha256).unlink(missing_ok=True)

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        path = self._path(sha256)
        if not path.exists():
            raise OriginalMissing(f"{path} is not there. Upload the document again.")
        yield path

    def read(self, sha256: str, start: int, end: int) -> Iterator[bytes]:
        with self.local(sha256) as path, path.open("rb") as file:
            file.seek(start)
            while block := file.read(min(BLOCK_BYTES, end - file.tell())):
                yield block

    def list(self) -> Iterator[tuple[str, float]]:
        for path in self._folder.glob("??/*"):
            with suppress(FileNotFoundError):  # removed meanwhile
                yield path.name, path.stat().st_mtime

    def ping(self) -> None:
        if not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            raise StoreUnavailable(f"{self._folder} is not there, or not writable by this user.")

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256
