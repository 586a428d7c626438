"""A run's rules: what is accepted, what is never deleted, who works on a source."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rag.sources import SourceKind
from tests.http_server import Answer, Exchange
from tests.ingest.sources.conftest import ADMIN, Site, Worker, answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "shared"
    path.mkdir()
    for name in ("a.md", "b.md", "c.md"):
        (path / name).write_text(f"This is {name}.")
    return path


def age(worker: Worker, source_id: str, by_s: float) -> None:
    """Let the missing items of a source be missing for longer."""
    for item in worker.sources.items(source_id).values():
        if item.missing_since is not None:
            worker.sources.mark(source_id, [item.key], item.missing_since - by_s)


def test_what_is_gone_is_deleted_after_the_grace_period_and_not_before(worker: Worker, folder: Path) -> None:
    source = worker.add(SourceKind.FOLDER, str(folder), grace_s=3600)
    worker.run(source)

    (folder / "b.md").unlink()
    first = worker.run(source)
    age(worker, source.id, 3000)
    second = worker.run(source)
    still_there = len(worker.documents())
    age(worker, source.id, 700)
    third = worker.run(source)

    assert [(run["missing"], run["deleted"]) for run in (first, second, third)] == [(1, 0), (1, 0), (0, 1)]
    assert still_there == 3
    assert set(worker.documents()) == {str(folder / "a.md"), str(folder / "c.md")}
    assert worker.run(source)["missing"] == 0


def test_what_comes_back_within_the_grace_period_was_never_lost(worker: Worker, folder: Path) -> None:
    source = worker.add(SourceKind.FOLDER, str(folder), grace_s=3600)
    worker.run(source)
    before = worker.documents()[str(folder / "b.md")]
    (folder / "b.md").rename(folder / "b.away")
    worker.run(source)
    age(worker, source.id, 3000)

    (folder / "b.away").rename(folder / "b.md")
    report = worker.run(source)
    age(worker, source.id, 3000)
    (folder / "b.md").rename(folder / "b.away")
    again = worker.run(source)

    assert (report["unchanged"], report["missing"]) == (3, 0)
    assert (again["missing"], again["deleted"]) == (1, 0)
    assert worker.documents()[str(folder / "b.md")] == before


def test_what_comes_back_later_is_a_new_document(worker: Worker, folder: Path) -> None:
    source = worker.add(SourceKind.FOLDER, str(folder), grace_s=0)
    worker.run(source)
    (folder / "b.md").rename(folder / "b.away")
    worker.run(source)

    (folder / "b.away").rename(folder / "b.md")
    report = worker.run(source)

    assert (report["new"], report["unchanged"]) == (1, 2)
    assert len(worker.documents()) == 3


@pytest.mark.parametrize("state", [answer(500), answer(403), answer(429), answer(302, Location="http://10.0.0.1/")])
def test_an_error_deletes_nothing_however_long_it_lasts(worker: Worker, site: Site, state: object) -> None:
    site.link("/a")
    source = worker.add(SourceKind.WEB, site.url("/a"), grace_s=0)
    worker.run(source)

    site.pages["/a"] = state  # type: ignore[assignment]
    reports = [worker.run(source) for _ in range(2)]

    assert [(run["deleted"], run["missing"], run["failed"]) for run in reports] == [(0, 0, 1), (0, 0, 1)]
    assert set(worker.documents()) == {site.url("/a")}


def test_a_host_that_is_away_deletes_nothing(worker: Worker) -> None:
    source = worker.add(SourceKind.WEB, "http://127.0.0.1:9/", grace_s=0)

    report = worker.run(source)

    assert (report["complete"], report["errors"][0]["type"]) == (False, "fetch-failed")


def test_a_robots_txt_that_cannot_be_read_stops_the_run_and_deletes_nothing(worker: Worker, site: Site) -> None:
    site.link("/", "/a")
    site.link("/a")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=1, grace_s=0)
    worker.run(source)
    site.asked()

    site.pages["/robots.txt"] = answer(503)
    report = worker.run(source)

    assert (report["complete"], report["deleted"]) == (False, 0)
    assert site.asked() == ["/robots.txt"]
    assert len(worker.documents()) == 2


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_its_host_says_is_gone_is_deleted(worker: Worker, site: Site, status: int) -> None:
    site.link("/", "/a", "/b")
    site.link("/a")
    site.link("/b")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=1, grace_s=0)
    worker.run(source)

    site.pages["/a"] = answer(status)
    site.pages["/b"] = answer(500)
    report = worker.run(source)

    assert report["deleted"] == 1
    assert set(worker.documents()) == {site.url("/"), site.url("/b")}


def test_a_page_that_fails_hides_those_that_it_alone_led_to(worker: Worker, site: Site) -> None:
    site.link("/", "/a", "/x")
    site.link("/a", "/b")
    site.link("/b")
    site.link("/x")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=2, grace_s=0)
    worker.run(source)

    site.pages["/a"] = answer(500)
    hidden = worker.run(source)
    site.link("/a")
    found = worker.run(source)

    assert (hidden["complete"], hidden["deleted"]) == (False, 0)
    assert (found["complete"], found["deleted"]) == (True, 1)
    assert set(worker.documents()) == {site.url(path) for path in ("/", "/a", "/x")}


def test_a_crawl_whose_first_page_is_gone_deletes_nothing(worker: Worker, site: Site) -> None:
    site.link("/", "/a")
    site.link("/a")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=1, grace_s=0)
    worker.run(source)

    del site.pages["/"]
    report = worker.run(source)

    assert (report["complete"], report["deleted"]) == (False, 0)
    assert len(worker.documents()) == 2


def test_a_file_that_is_no_document_is_told_each_time_and_read_once(worker: Worker, folder: Path) -> None:
    (folder / "d.md").touch()
    source = worker.add(SourceKind.FOLDER, str(folder))

    first, second = worker.run(source), worker.run(source)

    assert (first["new"], first["failed"]) == (3, 1)
    assert (second["unchanged"], second["failed"]) == (4, 1)
    assert second["errors"][0]["key"].endswith("d.md")


def test_a_file_that_breaks_keeps_the_document_it_was(worker: Worker, folder: Path) -> None:
    source = worker.add(SourceKind.FOLDER, str(folder), grace_s=0)
    worker.run(source)

    (folder / "a.md").write_bytes(b"")
    report = worker.run(source)

    assert (report["failed"], report["deleted"]) == (1, 0)
    assert len(worker.documents()) == 3


def test_a_document_that_was_deleted_by_hand_does_not_come_back(worker: Worker, folder: Path) -> None:
    source = worker.add(SourceKind.FOLDER, str(folder))
    worker.run(source)
    worker.registry.delete(worker.documents()[str(folder / "a.md")].id, ADMIN)

    (folder / "a.md").write_text("Changed since.")
    report = worker.run(source)

    assert report["unchanged"] == 3
    assert set(worker.documents()) == {str(folder / "b.md"), str(folder / "c.md")}


def test_files_with_the_same_bytes_are_documents_of_their_own(worker: Worker, folder: Path) -> None:
    (folder / "copy.md").write_text("This is a.md.")
    source = worker.add(SourceKind.FOLDER, str(folder), grace_s=0)
    worker.run(source)

    (folder / "a.md").unlink()
    worker.run(source)

    assert set(worker.documents()) == {str(folder / name) for name in ("b.md", "c.md", "copy.md")}


@contextmanager
def reading(worker: Worker, site: Site, path: str, state: Answer) -> Iterator[None]:
    """Run the due source, and hold it at `path`, which answers with `state` at the end of the block."""
    asked, go_on = threading.Event(), threading.Event()

    def slowly(exchange: Exchange) -> None:
        asked.set()
        go_on.wait(10)
        state(exchange)

    site.pages[path] = slowly
    thread = threading.Thread(target=worker.runner.run_due, args=("worker",))
    thread.start()
    assert asked.wait(10)
    yield
    go_on.set()
    thread.join()


def test_a_source_removed_while_it_is_read_leaves_nothing_behind(worker: Worker, site: Site) -> None:
    source = worker.add(SourceKind.WEB, site.url("/a"))

    with reading(worker, site, "/a", answer(200, b"<p>late</p>")):
        worker.sources.remove(source.id, ADMIN)

    assert worker.documents() == {}


def test_a_source_removed_while_it_is_read_is_read_no_further(worker: Worker, site: Site) -> None:
    quick = replace(worker, runner=replace(worker.runner, lease_s=0.15))
    site.put(
        "/sitemap.xml", f"<urlset><url><loc>{site.url('/a')}</loc></url><url><loc>{site.url('/b')}</loc></url></urlset>"
    )
    source = quick.add(SourceKind.SITEMAP, site.url("/sitemap.xml"))

    with reading(quick, site, "/a", answer(404)):
        quick.sources.remove(source.id, ADMIN)
        time.sleep(0.3)

    assert "/b" not in site.asked()


def test_who_lost_the_lease_deletes_nothing(worker: Worker, site: Site) -> None:
    site.link("/a")
    source = worker.add(SourceKind.WEB, site.url("/a"), grace_s=0)
    worker.run(source)
    worker.sources.run_now(source.id, ADMIN)

    with reading(worker, site, "/a", answer(404)):
        worker.sources.renew(source.id, "worker", -10)
        assert worker.sources.claim_due("another", 30) is not None

    assert set(worker.documents()) == {site.url("/a")}


def test_a_run_that_was_killed_is_taken_up_by_another_and_nothing_is_done_twice(worker: Worker, folder: Path) -> None:
    source = worker.add(SourceKind.FOLDER, str(folder))
    worker.run(source)
    (folder / "d.md").write_text("This is new.")
    worker.sources.run_now(source.id, ADMIN)
    assert worker.sources.claim_due("killed", lease_s=-1) is not None

    assert worker.runner.run_due("another")

    report = worker.sources.get(source.id, ADMIN).last_run
    assert report is not None
    assert (report["new"], report["unchanged"]) == (1, 3)
