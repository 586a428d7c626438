"""What `rag doctor` says about a machine."""

from pathlib import Path

import pytest

from rag.cli.checks import all_checks
from rag.settings import Settings


def details(folder: Path) -> dict[str, str]:
    return {check.name: check.detail for check in all_checks(Settings(data_dir=folder))}


def test_a_program_that_is_missing_is_named_with_what_its_lack_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    found = details(tmp_path)

    assert found["libreoffice"].startswith("not installed: old .doc and .ppt files are refused; `sudo apt-get install")
    assert found["tesseract"].startswith("not installed: scans in scripts other than Latin and Chinese")


def test_a_program_that_is_there_is_shown_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "soffice").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert details(tmp_path)["libreoffice"] == str(tmp_path / "soffice")
