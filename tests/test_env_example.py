"""`.env.example` against the settings: every variable, its default, and the same words."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from rag.settings import PREFIX, Settings, known_variables, load_settings

TEXT = (Path(__file__).parents[1] / ".env.example").read_text(encoding="utf-8")
LISTED = dict(re.findall(r"^# (RAG_[A-Z0-9_]+)=(.*)$", TEXT, re.MULTILINE))


def fields() -> dict[str, tuple[str, str]]:
    """Return the default, as it is written in an environment, and the description of every variable."""
    found: dict[str, tuple[str, str]] = {}
    for stage, group in Settings.model_fields.items():
        model = group.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        for name, field in model.model_fields.items():
            found[f"{PREFIX}{stage}_{name}".upper()] = (_written(field.default), field.description or "")
    return found


def _written(default: Any) -> str:
    return default.get_secret_value() if isinstance(default, SecretStr) else str(default)


def test_it_lists_every_variable_that_the_settings_know_and_no_other() -> None:
    assert set(LISTED) == known_variables()
    assert len(re.findall(r"RAG_[A-Z0-9_]+=", TEXT)) == len(LISTED)


@pytest.mark.parametrize("name", sorted(known_variables()))
def test_a_variable_has_the_default_and_the_description_of_its_setting(name: str) -> None:
    default, description = fields()[name]

    assert description
    assert f"\n# {description}\n# {name}={default}\n" in TEXT


def test_a_number_of_time_or_size_says_its_unit() -> None:
    units = {"_S": "second", "_BYTES": "byte", "_TOKENS": "token", "_CHARS": "character"}
    unsaid = [
        name
        for name, (_, description) in fields().items()
        for ending, unit in units.items()
        if name.endswith(ending) and not re.search(unit, description, re.IGNORECASE)
    ]

    assert unsaid == []


def test_copied_with_every_line_in_force_it_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    defaults = load_settings()

    Path(".env").write_text(TEXT.replace("# RAG_", "RAG_"), encoding="utf-8")

    assert load_settings() == defaults
