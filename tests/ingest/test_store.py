"""The store of originals: whole or not at all, each once."""

import errno
import hashlib
import io
from pathlib import Path

import pytest

from ingest.store import Store
from rag.errors import StorageFull


class _Failing(io.BytesIO):
    """A file whose reading ends with the operating system's error `code` after its first block."""

    def __init__(self, code: int) -> None:
        super().__init__(b"a" * 10)
        self._code = code

    def read(self, size: int | None = -1, /) -> bytes:
        if block := super().read(size):
            return block
        raise OSError(self._code, "failed")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_stored_under_its_hash(tmp_path: Path) -> None:
    store = Store(tmp_path / "originals")

    sha256, size_bytes = store.put(io.BytesIO(b"six days"))

    assert (sha256, size_bytes) == (hashlib.sha256(b"six days").hexdigest(), 8)
    assert store.path(sha256).read_bytes() == b"six days"


def test_the_same_bytes_are_stored_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    content = b"six days" * 500_000

    first, again = store.put(io.BytesIO(content)), store.put(io.BytesIO(content))

    assert first == again
    assert [path.stat().st_size for path in files(tmp_path)] == [4_000_000]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match=str(tmp_path)):
        Store(tmp_path).put(_Failing(errno.ENOSPC))

    assert files(tmp_path) == []


def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="failed"):
        Store(tmp_path).put(_Failing(errno.EIO))

    assert files(tmp_path) == []


def test_a_deleted_original_is_gone_and_deleting_it_again_is_no_error(tmp_path: Path) -> None:
    store = Store(tmp_path)
    sha256, _ = store.put(io.BytesIO(b"six days"))

    store.delete(sha256)
    store.delete(sha256)

    assert files(tmp_path) == []


def test_others_on_the_machine_cannot_read_the_originals(tmp_path: Path) -> None:
    store = Store(tmp_path / "originals")

    sha256, _ = store.put(io.BytesIO(b"salaries"))

    assert (tmp_path / "originals").stat().st_mode & 0o077 == 0
    assert store.path(sha256).stat().st_mode & 0o077 == 0
