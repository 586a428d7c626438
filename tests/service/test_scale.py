"""Workers on other machines: nothing is shared but registry, originals, queue, vectors and embedder."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.service import ROOT, Service, wait_until
from ingest.store import Store, open_store
from rag.settings import Settings, StoreSettings

pytestmark = pytest.mark.on("at scale")


@pytest.fixture
def other_worker(service: Service, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker whose data folder is its own, as on another machine; `tmp_path / "log"` has what it says."""
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "ingest.worker"],
            env=os.environ | service.shared() | {"RAG_DATA_DIR": str(tmp_path / "data")},
            cwd=ROOT,
            stderr=log,
        ) as process,
    ):
        yield process
        process.terminate()


def said(log: Path, message: str) -> set[str]:
    """Return the ids of the documents about which a worker said so."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    return {line["document_id"] for line in lines if line["message"] == message}


@pytest.fixture
def store(service: Service, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The service's originals."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, service.settings[name])
    settings = StoreSettings(url=service.settings["RAG_STORE_URL"], endpoint=service.settings["RAG_STORE_ENDPOINT"])
    return open_store(Settings(store=settings))


def test_a_worker_without_the_apis_data_folder_ingests_and_purges(
    service: Service, other_worker: subprocess.Popen[bytes], store: Store, tmp_path: Path
) -> None:
    ingested, deleted, log = set[str](), set[str](), tmp_path / "log"

    def has_done_both() -> bool:
        """Two messages about new documents and one about a deletion: an odd number, of which each gets every other."""
        for floor in (len(ingested), len(ingested) + 1):
            text = f"Machine room {floor} is on floor {floor}."
            document = service.ingest("room.md", text.encode(), collection="machines")
            ingested.add(document["id"])
        service.http.delete(f"/v1/documents/{document['id']}")
        deleted.add(document["id"])
        wait_until(lambda: not store.exists(document["sha256"]))
        return bool(said(log, "ready") - deleted) and bool(said(log, "purged") & deleted)

    wait_until(has_done_both)

    shown = {hit["document_id"] for hit in service.search("Which floor?", collections=["machines"], top_k=50)}
    assert shown == ingested - deleted
    assert not (tmp_path / "data").exists()
