"""Originals over HTTP: whole or one range, and an error that is a problem, not half a file."""

import hashlib
import io
from pathlib import Path

import anyio
import pytest
from fastapi.responses import Response, StreamingResponse

from api.download import send_original
from ingest.parse.kinds import Kind
from ingest.store.local import LocalStore
from rag.errors import OriginalMissing

CONTENT = bytes(range(256)) * 8192  # two of the store's blocks


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def send(store: LocalStore, asked: str | None = None, kind: Kind = Kind.MARKDOWN) -> Response:
    sha256, size_bytes = store.put(io.BytesIO(CONTENT))
    return send_original(
        store, sha256=sha256, size_bytes=size_bytes, filename="räport.md", kind=kind, range_header=asked
    )


def body(response: Response) -> bytes:
    async def collected() -> bytes:
        assert isinstance(response, StreamingResponse)
        return b"".join([bytes(block) async for block in response.body_iterator])  # type: ignore[arg-type]

    return anyio.run(collected)


def test_the_whole_original_comes_with_its_length_and_hash(store: LocalStore) -> None:
    response = send(store)

    assert body(response) == CONTENT
    assert response.status_code == 200
    assert response.headers["content-length"] == str(len(CONTENT))
    assert response.headers["etag"] == f'"{hashlib.sha256(CONTENT).hexdigest()}"'
    assert response.headers["content-disposition"] == "inline; filename*=UTF-8''r%C3%A4port.md"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=5-", 5, 2_097_152),
        ("bytes=-7", 2_097_145, 2_097_152),
        ("bytes=1048570-1048590", 1_048_570, 1_048_591),
        ("bytes=10-99999999999", 10, 2_097_152),
    ],
)
def test_one_range_is_sent_alone(store: LocalStore, asked: str, start: int, end: int) -> None:
    response = send(store, asked)

    assert body(response) == CONTENT[start:end]
    assert response.status_code == 206
    assert response.headers["content-range"] == f"bytes {start}-{end - 1}/2097152"
    assert response.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=" + "9" * 5000 + "-"])
def test_several_ranges_or_none_are_answered_with_the_whole(store: LocalStore, asked: str) -> None:
    response = send(store, asked)

    assert response.status_code == 200
    assert body(response) == CONTENT


def test_a_range_behind_the_end_is_refused_with_the_length(store: LocalStore) -> None:
    response = send(store, "bytes=2097152-")

    assert response.status_code == 416
    assert response.headers["content-range"] == "bytes */2097152"


def test_an_original_that_is_gone_is_an_error_before_anything_is_sent(store: LocalStore) -> None:
    with pytest.raises(OriginalMissing):
        send_original(store, sha256="0" * 64, size_bytes=10, filename="a.md", kind=Kind.MARKDOWN)


@pytest.mark.parametrize(
    ("kind", "sent_as", "disposition"),
    [
        (Kind.PDF, "application/pdf", "inline"),
        (Kind.HTML, "text/html", "attachment"),
        (Kind.CSV, "text/plain; charset=utf-8", "inline"),
        (Kind.IMAGE, "application/octet-stream", "attachment"),
    ],
)
def test_only_what_runs_nothing_is_shown_in_the_browser(
    store: LocalStore, kind: Kind, sent_as: str, disposition: str
) -> None:
    headers = send(store, kind=kind).headers

    assert headers["content-type"] == sent_as
    assert headers["content-disposition"].startswith(disposition)
    assert ("sandbox" in headers.get("content-security-policy", "")) == (kind != Kind.PDF)
