"""The originals, by SHA-256, in a local folder. A file appears whole or not at all."""

import errno
import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from rag.errors import StorageFull

BLOCK_BYTES = 1 << 20


class Store:
    """A folder of files named by their hash; the same bytes are stored once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, file: BinaryIO) -> tuple[str, int]:
        """Store the rest of `file`; return its SHA-256 and its size in bytes. Raise StorageFull."""
        digest = hashlib.sha256()
        size = 0
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".part-")
        try:
            with os.fdopen(descriptor, "wb") as part:
                while block := file.read(BLOCK_BYTES):
                    digest.update(block)
                    size += len(block)
                    part.write(block)
                part.flush()
                os.fsync(part.fileno())
            target = self.path(digest.hexdigest())
            target.parent.mkdir(exist_ok=True, mode=0o700)
            Path(name).replace(target)
        except OSError as exc:
            Path(name).unlink(missing_ok=True)
            if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFull(f"No room is left under {self._folder}. Nothing was stored.") from exc
            raise
        return digest.hexdigest(), size

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def delete(self, sha256: str) -> None:
        """Remove the original, if it is there."""
        self.path(sha256).unlink(missing_ok=True)
