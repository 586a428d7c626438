"""Settings: one reader of the environment, which refuses what it does not know."""

import os
from pathlib import Path

import pytest

from rag.errors import ConfigurationError
from rag.settings import Settings, known_variables, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start every test without RAG_ variables and in a folder without a .env file."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("RAG_")]:
        monkeypatch.delenv(name)


def test_the_defaults_need_no_environment() -> None:
    settings = load_settings()

    assert settings.data_dir == Path.cwd() / "data"
    assert settings.database_url == f"sqlite:///{Path.cwd() / 'data' / 'registry.db'}"
    assert settings.is_loopback
    assert (settings.generator.url, settings.chroma.url, settings.broker.url.get_secret_value()) == ("", "", "")


def test_a_variable_is_named_after_its_stage_and_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API_MAX_UPLOAD_BYTES", "1000")
    monkeypatch.setenv("RAG_RETRIEVE_TOP_K", "3")

    settings = load_settings()

    assert (settings.api.max_upload_bytes, settings.retrieve.top_k) == (1000, 3)


def test_the_environment_goes_before_the_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("RAG_API_PORT=9000\nexport RAG_LOG_LEVEL=DEBUG\n", encoding="utf-8")
    monkeypatch.setenv("RAG_API_PORT", "9001")

    settings = load_settings()

    assert (settings.api.port, settings.log.level) == (9001, "DEBUG")


def test_an_unknown_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API_PROT", "9000")

    with pytest.raises(ConfigurationError, match="Unknown setting RAG_API_PROT"):
        load_settings()


def test_an_unknown_line_of_the_env_file_is_refused_and_a_comment_is_not() -> None:
    Path(".env").write_text("# RAG_OLD=1\nRAG_CHUNK_SIZE=5\nOTHER=1\n", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="Unknown setting RAG_CHUNK_SIZE"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RAG_API_PORT", "70000"),
        ("RAG_API_PORT", "eighty"),
        ("RAG_RETRIEVE_MIN_EVIDENCE", "2"),
        ("RAG_PARSE_MEMORY_BYTES", "1000"),
        ("RAG_LOG_LEVEL", "chatty"),
        ("RAG_GENERATOR_URL", "localhost:8000"),
    ],
)
def test_a_wrong_value_is_refused_by_the_variables_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        load_settings()


def test_a_url_loses_its_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_GENERATOR_URL", "http://gpu:8000/v1/")

    assert load_settings().generator.url == "http://gpu:8000/v1"


def test_secrets_do_not_show_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAG_API_KEY", "RAG_GENERATOR_API_KEY", "RAG_BROKER_URL"):
        monkeypatch.setenv(name, "s3cret")

    assert "s3cret" not in repr(load_settings())


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("192.168.0.7", False)],  # noqa: S104
)
def test_only_addresses_of_this_machine_are_loopback(
    monkeypatch: pytest.MonkeyPatch, host: str, is_loopback: bool
) -> None:
    monkeypatch.setenv("RAG_API_HOST", host)

    assert load_settings().is_loopback is is_loopback


def test_every_known_variable_is_one_field_of_one_stage() -> None:
    fields = [name for group in Settings().model_dump().values() for name in group]

    assert len(known_variables()) == len(fields)
    assert {"RAG_DATA_DIR", "RAG_PARSE_TIMEOUT_S", "RAG_GENERATOR_CONTEXT_TOKENS"} <= known_variables()
