"""`rag ingest`: only what changed is uploaded, and what is gone is deleted, but never for an error."""

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from rag.cli.client import Client
from rag.cli.durations import seconds
from rag.cli.folders import Request, ingest_paths
from rag.settings import ApiSettings, Settings
from rag.types import Document, Status
from tests.ingest.sources.conftest import ADMIN
from tests.local_api import LocalApi, local_api
from tests.rag.conftest import BROKEN, finish, take


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with local_api(tmp_path_factory.mktemp("api")) as running:
        yield running


class Machine:
    """A machine with a folder called `docs`, and a collection of its own."""

    def __init__(self, api: LocalApi, folder: Path, collection: str) -> None:
        self.api, self.folder, self.collection = api, folder, collection
        self.client = Client(Settings(_env_file=None, api=ApiSettings(port=int(api.url.rpartition(":")[2]))))

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            path = self.folder / f"{name.replace('__', '/')}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def ingest(self, *paths: Path, stop: threading.Event | None = None, **options: Any) -> tuple[int, str]:
        """Run `rag ingest`; return how much failed, and what was printed."""
        said = io.StringIO()
        request = Request(paths=paths or [self.folder], collection=self.collection, **options)
        failed = ingest_paths(self.client, request, Console(file=said, force_terminal=False, width=200), stop)
        return failed, said.getvalue()

    def documents(self) -> dict[str, Document]:
        found, _ = self.api.registry.documents(ADMIN, collection=self.collection, limit=500)
        return {document.source_id or document.latest.filename: document for document in found}


@pytest.fixture
def machine(api: LocalApi, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Machine]:
    (tmp_path / "docs").mkdir()
    machine = Machine(api, tmp_path / "docs", request.node.name[:60])
    yield machine
    machine.client.close()


def test_a_second_run_uploads_only_what_changed(machine: Machine) -> None:
    machine.write(a="one", b="two", sub__c="three")
    first = machine.ingest()
    machine.write(b="two, changed", sub__d="four")

    second = machine.ingest()

    assert first == (0, "3 of 3 files uploaded\n")
    assert second == (0, "4 of 4 files uploaded, 2 of them as before\n")
    versions = {key: document.latest.version for key, document in machine.documents().items()}
    assert versions == {"docs/a.md": 1, "docs/b.md": 2, "docs/sub/c.md": 1, "docs/sub/d.md": 1}


def test_the_same_folder_on_another_machine_is_the_same_documents(machine: Machine, tmp_path: Path) -> None:
    machine.write(a="one")
    machine.ingest()
    there = tmp_path / "elsewhere" / "docs"
    there.mkdir(parents=True)
    (there / "a.md").write_text("one")

    again = machine.ingest(there)
    renamed = machine.ingest(there, name="handbook")

    assert again == (0, "1 of 1 files uploaded, 1 of them as before\n")
    assert renamed[0] == 0
    assert machine.documents()["docs/a.md"].source_ids == ("docs/a.md", "handbook/a.md")


def test_single_files_are_known_by_their_bytes_alone(machine: Machine) -> None:
    machine.write(a="one")

    machine.ingest(machine.folder / "a.md")
    machine.ingest(machine.folder / "a.md")

    assert set(machine.documents()) == {"a.md"}


def test_a_file_that_is_refused_is_told_and_the_others_are_uploaded(machine: Machine) -> None:
    machine.write(a="one", b="")

    failed, said = machine.ingest()

    assert failed == 1
    assert "b.md: The document is empty" in said
    assert set(machine.documents()) == {"docs/a.md"}


def test_a_document_that_failed_is_uploaded_and_tried_again(machine: Machine) -> None:
    machine.write(a="one")
    machine.ingest()
    document = machine.documents()["docs/a.md"]
    machine.api.leases.fail(take(machine.api.leases, document).work, BROKEN)

    machine.ingest()

    assert machine.documents()["docs/a.md"].latest.status == Status.QUEUED


def test_pruning_deletes_after_the_grace_period_what_is_gone(machine: Machine) -> None:
    machine.write(a="one", b="two")
    machine.ingest()
    (machine.folder / "b.md").unlink()

    machine.ingest()
    machine.ingest(prune=True, grace_s=3600)
    waiting = set(machine.documents())
    said = machine.ingest(prune=True, grace_s=0)[1]

    assert waiting == {"docs/a.md", "docs/b.md"}
    assert set(machine.documents()) == {"docs/a.md"}
    assert "gone deleted: 1" in said


def test_a_folder_that_is_empty_of_a_sudden_deletes_nothing(machine: Machine) -> None:
    machine.write(a="one")
    machine.ingest()
    (machine.folder / "a.md").unlink()

    failed, said = machine.ingest(prune=True, grace_s=0)

    assert (failed, set(machine.documents())) == (1, {"docs/a.md"})
    assert "it is empty, and was not before" in said


def test_a_folder_of_which_a_part_cannot_be_read_deletes_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write(a="one", b="two", sub__c="three")
    machine.ingest()
    (machine.folder / "b.md").unlink()
    look = os.scandir

    def refuse(path: Path) -> Any:  # rights do not hold back the administrator that may run this test
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr(os, "scandir", refuse)
    failed, said = machine.ingest(prune=True, grace_s=0)

    assert failed == 2
    assert "Permission denied" in said
    assert len(machine.documents()) == 3


def test_a_watch_follows_the_folder_and_a_folder_that_goes_away_deletes_nothing(machine: Machine) -> None:
    machine.write(a="one", b="two")
    stop = threading.Event()
    with working(machine):
        watching = threading.Thread(
            target=lambda: machine.ingest(watch=True, prune=True, grace_s=0, stop=stop), daemon=True
        )
        watching.start()
        wait_until(lambda: len(machine.documents()) == 2)

        machine.write(c="three", a="one, changed")
        wait_until(lambda: len(machine.documents()) == 3)
        wait_until(lambda: machine.documents()["docs/a.md"].latest.version == 2)
        (machine.folder / "b.md").unlink()
        wait_until(lambda: set(machine.documents()) == {"docs/a.md", "docs/c.md"})
        machine.folder.rename(machine.folder.with_name("away"))
        stop.set()
        watching.join(20)

    assert not watching.is_alive()
    assert set(machine.documents()) == {"docs/a.md", "docs/c.md"}


def test_a_watch_outlives_a_service_that_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("one")
    client, stop, said = Client(Settings(_env_file=None, api=ApiSettings(port=9))), threading.Event(), io.StringIO()
    threading.Timer(1.5, stop.set).start()

    request = Request(paths=[tmp_path], collection="default", watch=True, prune=True)
    failed = ingest_paths(client, request, Console(file=said, width=200), stop)

    client.close()
    assert failed == 0
    assert said.getvalue().count("does not answer") >= 2


def test_waiting_counts_pages_and_failures(machine: Machine) -> None:
    machine.write(a="one", b="two")
    with working(machine):
        failed, said = machine.ingest(wait=True)

    assert (failed, said) == (0, "2 of 2 files ready\n")
    assert {document.latest.status for document in machine.documents().values()} == {Status.READY}


def test_a_terminal_shows_files_pages_a_second_and_the_time_left(machine: Machine) -> None:
    machine.write(a="one")
    said = io.StringIO()
    request = Request(paths=[machine.folder], collection=machine.collection, wait=True)
    with working(machine):
        ingest_paths(machine.client, request, Console(file=said, force_terminal=True, width=120))

    assert "ingested" in said.getvalue()
    assert "1/1" in said.getvalue()
    assert "pages/s" in said.getvalue()
    assert "0:00:0" in said.getvalue()


@pytest.mark.parametrize("options", [{"prune": True}, {"watch": True}, {"name": "x"}])
def test_what_is_for_folders_is_refused_for_files(machine: Machine, options: dict[str, Any]) -> None:
    machine.write(a="one")

    with pytest.raises(typer.BadParameter):
        machine.ingest(machine.folder / "a.md", **options)


def test_two_folders_of_one_name_are_not_taken_for_one(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "other" / "docs").mkdir(parents=True)

    with pytest.raises(typer.BadParameter, match="--as"):
        machine.ingest(machine.folder, tmp_path / "other" / "docs")


def test_durations_are_written_as_people_do() -> None:
    assert [seconds(text) for text in ("90", "90s", "1.5m", "24h", "7d")] == [90, 90, 90, 86_400, 604_800]
    with pytest.raises(typer.BadParameter):
        seconds("soon")


@contextmanager
def working(machine: Machine) -> Iterator[None]:
    """Be the worker: end the work on every document that comes."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.02):
            for document in machine.documents().values():
                if document.latest.status == Status.QUEUED:
                    finish(machine.api.leases, machine.api.serving, document, "text")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
