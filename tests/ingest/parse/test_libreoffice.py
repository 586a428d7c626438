"""Old Office formats: read by LibreOffice where it is, refused with its name where it is not."""

import shutil
from pathlib import Path

import pytest

from bench.fuzz import CHUNKER
from ingest.parse.dispatch import parse
from ingest.parse.kinds import Kind
from ingest.parse.sandbox import Sandbox
from ingest.read import Reader
from rag.errors import BrokenDocument, UnsupportedFormat
from rag.settings import ParseSettings
from tests.ole_file import ole

FILES = Path(__file__).parent / "files"


def test_an_old_word_file_is_read_within_the_limits_of_a_parser(sandbox: Sandbox) -> None:
    reader = Reader(sandbox=sandbox, limits=ParseSettings())

    document = reader.read(FILES / "yard-rules.doc", "yard-rules.doc", CHUNKER)

    assert (document.title, document.author, document.created_at) == ("Yard rules", "Facilities", None)
    assert [(chunk.section, chunk.text) for chunk in document.chunks] == [
        ("Yard rules", "Yard rules\n\nThe yard is closed on Fridays."),
        ("Yard rules > Keys", "Key | Place\nGate | Porter"),
    ]


def test_what_libreoffice_cannot_read_is_called_broken(tmp_path: Path) -> None:
    (tmp_path / "stored").write_bytes(ole("PowerPoint Document"))

    with pytest.raises(BrokenDocument, match="LibreOffice could not read it"):
        parse(tmp_path / "stored", "rules.ppt", Kind.PPT)


@pytest.mark.parametrize(("kind", "instead"), [(Kind.DOC, r"\.docx"), (Kind.PPT, r"\.pptx")])
def test_without_libreoffice_the_reason_names_it(monkeypatch: pytest.MonkeyPatch, kind: Kind, instead: str) -> None:
    monkeypatch.setenv("PATH", "")
    assert shutil.which("soffice") is None

    with pytest.raises(UnsupportedFormat, match=f"needs LibreOffice.*apt-get install libreoffice.*{instead}"):
        parse(FILES / "yard-rules.doc", "yard-rules.doc", kind)
