"""The store of originals, in a folder and in a bucket: whole or not at all, each once."""

import errno
import hashlib
import io
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import pytest
from obstore.store import S3Store

from bench.service import free_port
from ingest.store import Store, open_store
from ingest.store.local import LocalStore
from ingest.store.s3 import BLOCK_BYTES, PART_BYTES
from rag.errors import OriginalMissing, StorageFull, StoreUnavailable
from rag.settings import DataSettings, Settings, StoreSettings
from tests.http_server import Exchange, serving

SHA256 = hashlib.sha256(b"six days").hexdigest()


class _Failing(io.BytesIO):
    """A file whose reading ends with the operating system's error `code` after its first block."""

    def __init__(self, code: int, content: bytes = b"a" * 10) -> None:
        super().__init__(content)
        self._code = code

    def read(self, size: int | None = -1, /) -> bytes:
        if block := super().read(size):
            return block
        raise OSError(self._code, "failed")


@pytest.fixture
def bucket(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> StoreSettings:
    """A prefix of its own in the bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, s3[name])
    return StoreSettings(url=f"{s3['RAG_STORE_URL']}/{token_hex(8)}", endpoint=s3["RAG_STORE_ENDPOINT"])


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "bucket":
        return open_store(Settings(store=request.getfixturevalue("bucket")))
    return open_store(Settings(data=DataSettings(dir=tmp_path)))


def elsewhere(url: str = "s3://attest", endpoint: str = "") -> Store:
    return open_store(Settings(store=StoreSettings(url=url, endpoint=endpoint)))


def content(store: Store, sha256: str) -> bytes:
    with store.local(sha256) as path:
        return path.read_bytes()


def test_a_file_is_stored_under_its_hash_from_where_it_stands(store: Store) -> None:
    file = io.BytesIO(b"about six days")
    file.seek(6)

    sha256, size_bytes = store.put(file)

    assert (sha256, size_bytes) == (SHA256, 8)
    assert content(store, sha256) == b"six days"
    assert store.exists(sha256)


def test_the_same_bytes_are_stored_once(store: Store) -> None:
    large = b"six days" * (PART_BYTES // 6)  # more than a part of an upload

    first, again = store.put(io.BytesIO(large)), store.put(io.BytesIO(large))

    assert first == again
    assert [sha256 for sha256, _ in store.list()] == [first[0]]
    assert content(store, first[0]) == large


def test_a_range_is_read_across_blocks(store: Store) -> None:
    sha256, size = store.put(io.BytesIO(bytes(range(256)) * (BLOCK_BYTES // 128)))

    blocks = list(store.read(sha256, 3, size - 2))

    assert len(blocks) > 1
    assert b"".join(blocks) == (bytes(range(256)) * (BLOCK_BYTES // 128))[3:-2]


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing(store: Store, code: int) -> None:
    with pytest.raises((OSError, StorageFull)):
        store.put(_Failing(code, b"a" * PART_BYTES * 2))

    assert list(store.list()) == []


def test_a_deleted_original_is_gone_and_deleting_it_again_is_no_error(store: Store) -> None:
    sha256, _ = store.put(io.BytesIO(b"six days"))

    store.delete(sha256)
    store.delete(sha256)

    assert list(store.list()) == []
    assert not store.exists(sha256)


def test_an_original_that_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(OriginalMissing), store.local(SHA256):
        pass
    with pytest.raises(OriginalMissing):
        next(store.read(SHA256, 0, 8))


def test_the_list_says_when_each_was_stored(store: Store) -> None:
    before = time.time()
    store.put(io.BytesIO(b"six days"))

    [(sha256, stored_at)] = store.list()

    assert sha256 == SHA256
    assert before - 1 <= stored_at <= time.time() + 1


def test_a_store_that_is_there_says_so(store: Store) -> None:
    store.ping()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match=str(tmp_path)):
        LocalStore(tmp_path).put(_Failing(errno.ENOSPC))

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_others_on_the_machine_cannot_read_the_originals(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "originals")

    sha256, _ = store.put(io.BytesIO(b"salaries"))

    with store.local(sha256) as path:
        assert (tmp_path / "originals").stat().st_mode & 0o077 == 0
        assert path.stat().st_mode & 0o077 == 0


def test_a_file_from_the_bucket_is_private_and_removed_after_use(bucket: StoreSettings) -> None:
    store = open_store(Settings(store=bucket))
    sha256, _ = store.put(io.BytesIO(b"salaries"))

    with store.local(sha256) as path:
        mode = path.stat().st_mode

    assert mode & 0o077 == 0
    assert not path.exists()


def test_bytes_that_changed_in_the_bucket_are_not_parsed(bucket: StoreSettings) -> None:
    store = open_store(Settings(store=bucket))
    sha256, _ = store.put(io.BytesIO(b"six days"))
    name, _, prefix = bucket.url.removeprefix("s3://").partition("/")
    beside = S3Store(name, prefix=prefix, endpoint=bucket.endpoint, client_options={"allow_http": True})
    beside.put(sha256, b"ten days")

    with pytest.raises(StoreUnavailable, match="other bytes"), store.local(sha256):
        pass


@pytest.mark.parametrize(
    "call",
    [lambda store: store.put(io.BytesIO(b"six days")), lambda store: list(store.list()), lambda store: store.ping()],
    ids=["put", "list", "ping"],
)
def test_a_bucket_that_does_not_exist_is_named(bucket: StoreSettings, call: Callable[[Store], object]) -> None:
    store = elsewhere("s3://no-such-bucket", bucket.endpoint)

    with pytest.raises(StoreUnavailable, match="s3://no-such-bucket: NoSuchBucket"):
        call(store)


def test_a_server_that_does_not_answer_is_named(bucket: StoreSettings) -> None:
    with pytest.raises(StoreUnavailable, match="s3://attest: no answer"):
        elsewhere(endpoint=f"http://127.0.0.1:{free_port()}").exists(SHA256)


@pytest.mark.parametrize(
    ("status", "code", "raised"),
    [(403, "AccessDenied", StoreUnavailable), (507, "XMinioStorageFull", StorageFull)],
)
def test_what_the_server_refuses_is_said_by_its_code(
    bucket: StoreSettings, status: int, code: str, raised: type[Exception]
) -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.start(status, "application/xml")
        exchange.handler.wfile.write(f"<Error><Code>{code}</Code></Error>".encode())

    with serving({f"/attest/{SHA256}": refuse}) as server, pytest.raises(raised, match=f"s3://attest: {code}"):
        list(elsewhere(endpoint=server.url.removesuffix("/v1")).read(SHA256, 0, 8))


def test_a_server_that_hangs_is_told_from_one_that_answers_within_seconds(bucket: StoreSettings) -> None:
    def hang(_: Exchange) -> None:
        server.ending.wait()

    with serving({"/attest?list-type=2": hang}) as server, pytest.raises(StoreUnavailable, match="no answer"):
        started = time.monotonic()
        elsewhere(endpoint=server.url.removesuffix("/v1")).ping()

    assert time.monotonic() - started < 10


def test_a_folder_that_was_taken_away_does_not_answer(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "originals")
    (tmp_path / "originals").rmdir()

    with pytest.raises(StoreUnavailable):
        store.ping()
