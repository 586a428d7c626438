"""Folders: what of them is read, what not, and word of a change."""

import os
import threading
from pathlib import Path

import pytest

from ingest.sources.folder import FolderFile, allowed_folder, changes, walk
from ingest.sources.listing import Trouble
from rag.errors import FetchFailed, FetchRefused
from rag.sources import SourceKind
from tests.ingest.sources.conftest import Worker


def names(root: Path) -> list[str]:
    return [entry.name for entry in walk(root) if isinstance(entry, FolderFile)]


def test_documents_are_found_in_order_and_all_else_is_left_out(tmp_path: Path) -> None:
    for name in ("b/c.md", "a.PDF", "b/~$c.docx", ".hidden.md", ".git/x.md", "b/.~lock.c.odt#", "film.mp4", "z.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")

    assert names(tmp_path) == ["a.PDF", "b/c.md", "z.txt"]


def test_links_that_lead_out_are_left_out_and_links_in_circles_end(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "secret.md"
    (root / "sub").mkdir(parents=True)
    outside.write_text("secret")
    (root / "a.md").write_text("open")
    (root / "out.md").symlink_to(outside)
    (root / "in.md").symlink_to(root / "a.md")
    (root / "sub" / "round").symlink_to(root)
    (root / "broken.md").symlink_to(root / "nowhere.md")
    os.mkfifo(root / "pipe.md")

    assert names(root) == ["a.md", "in.md"]


def test_a_folder_that_is_not_there_is_an_error_and_no_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="not there"):
        list(walk(tmp_path / "unmounted"))


def test_a_part_that_cannot_be_looked_into_hides_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.md").write_text("x")
    look = os.scandir

    def refuse(path: Path) -> object:  # rights do not hold back the administrator that may run this test
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr(os, "scandir", refuse)

    found = list(walk(tmp_path))

    assert [entry.name for entry in found if isinstance(entry, FolderFile)] == ["a.md"]
    assert [entry.hides_others for entry in found if isinstance(entry, Trouble)] == [True]


def test_only_folders_that_the_settings_name_are_read(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "out").symlink_to("/etc")
    folders = f"/srv/other, {tmp_path / 'in'}"

    assert allowed_folder(str(tmp_path / "in" / "deep"), folders) == tmp_path / "in" / "deep"
    for location in (str(tmp_path), str(tmp_path / "in" / ".."), str(tmp_path / "in" / "out"), "/etc", "in", ""):
        with pytest.raises(FetchRefused, match="RAG_SOURCES_FOLDERS"):
            allowed_folder(location, folders)
    with pytest.raises(FetchRefused):
        allowed_folder(str(tmp_path), "")


def test_a_share_that_is_not_mounted_deletes_nothing(worker: Worker, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (share / "a.md").write_text("On the share.")
    source = worker.add(SourceKind.FOLDER, str(share), grace_s=0)
    worker.run(source)
    (share / "a.md").unlink()

    empty = worker.run(source)
    share.rmdir()
    away = worker.run(source)

    assert [(run["complete"], run["deleted"], run["failed"]) for run in (empty, away)] == [(False, 0, 1)] * 2
    assert len(worker.documents()) == 1


def test_a_file_is_read_again_if_its_size_or_time_of_change_differs(worker: Worker, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    for name in ("a.md", "b.md", "c.md"):
        (share / name).write_text("old")
        os.utime(share / name, (1, 1))
    source = worker.add(SourceKind.FOLDER, str(share))
    worker.run(source)

    for name, text, time in (("a.md", "longer", 1), ("b.md", "new", 2), ("c.md", "new", 1)):
        (share / name).write_text(text)
        os.utime(share / name, (time, time))
    report = worker.run(source)

    assert (report["changed"], report["unchanged"]) == (2, 1)
    assert [worker.text(str(share / name)) for name in ("a.md", "b.md", "c.md")] == ["longer", "new", "old"]


def test_a_change_is_told_and_a_folder_that_comes_back_is_watched_again(tmp_path: Path) -> None:
    stop = threading.Event()
    share = tmp_path / "share"

    assert list(changes([share], 0.01, stop)) == [None]
    share.mkdir()
    told = changes([share], 30, stop)
    assert next(told) is None
    (share / "a.md").write_text("x")
    assert next(told) is None
    share.rename(tmp_path / "away")
    assert list(told) in ([], [None])
