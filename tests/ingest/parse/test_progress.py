"""How far a parser is: told while it reads, and never more than two numbers, whatever it leaves there."""

import os
from pathlib import Path

import pytest

from ingest.parse.progress import NAME, told
from ingest.parse.sandbox import Sandbox
from rag.settings import ParseSettings
from tests.ingest.parse.hostile_parsers import tell_pages


def test_pages_are_told_while_they_are_read(sandbox: Sandbox, tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_bytes(b"x")
    pages: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        pages.append((done, total))

    assert sandbox.run(tell_pages, original, "long.pdf", limits=ParseSettings(), on_progress=note) == b"read"
    assert pages
    assert set(pages) <= {(3, 10), (6, 10)}


@pytest.mark.parametrize("content", [b"", b"1", b"-1 5", b"1 2 3", b"9" * 40 + b" 1", b"\xff\xfe", b"1 2\n"])
def test_what_is_no_progress_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)

    assert told(tmp_path) is None


def test_a_link_a_pipe_and_a_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("1 2", encoding="ascii")
    for name, make in (
        ("link", lambda path: path.symlink_to(tmp_path / "real")),
        ("pipe", os.mkfifo),
        ("folder", Path.mkdir),
    ):
        folder = tmp_path / name
        folder.mkdir()
        make(folder / NAME)

        assert told(folder) is None
