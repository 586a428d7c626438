"""A bucket on a real S3 server on this machine."""

from collections.abc import Iterator

import httpx
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from rag.sources import SourceKind
from tests.ingest.sources.conftest import Worker

KEYS = ("docs/a.md", "docs/deep/b.txt", "docs/film.mp4", "other/c.md", "docs-old/d.md")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A bucket called `papers` with a few objects, which lists two at a time."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "MOTO_S3_DEFAULT_MAX_KEYS": "2",
    }.items():
        monkeypatch.setenv(name, value)
    httpx.post(f"{s3}/moto-api/reset", trust_env=False).raise_for_status()
    httpx.put(f"{s3}/papers", trust_env=False).raise_for_status()
    store = S3Store("papers", client_options={"allow_http": True})
    for key in KEYS:
        store.put(key, f"This is {key}.".encode())
    return store


def test_the_objects_of_a_folder_become_documents(worker: Worker, bucket: S3Store) -> None:
    report = worker.run(worker.add(SourceKind.BUCKET, "s3://papers/docs"))

    assert (report["new"], report["complete"], report["errors"]) == (2, True, [])
    assert set(worker.documents()) == {"s3://papers/docs/a.md", "s3://papers/docs/deep/b.txt"}
    assert worker.text("s3://papers/docs/a.md") == "This is docs/a.md."


def test_only_what_has_another_etag_is_downloaded_again(
    worker: Worker, bucket: S3Store, caplog: pytest.LogCaptureFixture
) -> None:
    source = worker.add(SourceKind.BUCKET, "s3://papers")
    worker.run(source)

    bucket.put("docs/a.md", b"This is docs/a.md, changed.")
    bucket.put("docs/new.md", b"This is new.")
    caplog.clear()
    report = worker.run(source)

    assert (report["new"], report["changed"], report["unchanged"]) == (1, 1, 3)
    downloads = [record.getMessage() for record in caplog.records if "GET /papers/" in record.getMessage()]
    assert len(downloads) == 2


def test_an_object_that_is_gone_is_deleted_and_a_bucket_that_is_gone_or_empty_deletes_nothing(
    worker: Worker, bucket: S3Store, s3: str
) -> None:
    source = worker.add(SourceKind.BUCKET, "s3://papers/docs", grace_s=0)
    worker.run(source)

    bucket.delete("docs/a.md")
    gone = worker.run(source)
    for key in KEYS:
        bucket.delete(key)
    empty = worker.run(source)
    httpx.delete(f"{s3}/papers", trust_env=False).raise_for_status()
    away = worker.run(source)

    assert (gone["deleted"], gone["unchanged"]) == (1, 1)
    assert [(run["complete"], run["deleted"]) for run in (empty, away)] == [(False, 0), (False, 0)]
    assert "404" in away["errors"][0]["detail"]
    assert set(worker.documents()) == {"s3://papers/docs/deep/b.txt"}


def test_an_object_that_is_too_large_is_not_downloaded(worker: Worker, bucket: S3Store) -> None:
    bucket.put("docs/a.md", b"x" * 1_000_001)

    report = worker.run(worker.add(SourceKind.BUCKET, "s3://papers/docs"))

    assert (report["new"], report["errors"][0]["type"]) == (1, "document-too-large")


def test_a_server_that_does_not_answer_deletes_nothing(
    worker: Worker, bucket: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = worker.add(SourceKind.BUCKET, "s3://papers/docs", grace_s=0)
    worker.run(source)

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    report = worker.run(source)

    assert (report["complete"], report["deleted"], report["errors"][0]["type"]) == (False, 0, "fetch-failed")
    assert len(worker.documents()) == 2
