"""`rag doctor` about registry, store and broker: what they are, whether they answer, and no secret."""

from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from bench.service import free_port
from rag.cli.parts import part_checks
from rag.settings import (
    BrokerSettings,
    DatabaseSettings,
    DataSettings,
    EmbedderSettings,
    GeneratorSettings,
    RerankerSettings,
    Settings,
    StoreSettings,
)
from tests.http_server import serving
from tests.stub_engine import stub_engine


def said(settings: Settings) -> dict[str, tuple[bool | None, str]]:
    return {check.name: (check.ok, check.detail) for check in part_checks(settings)}


def test_servers_that_answer_are_shown_without_their_passwords(
    postgres_url: str, s3: dict[str, str], rabbitmq: tuple[str, psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, s3[name])

    shown = said(
        Settings(
            database=DatabaseSettings(url=postgres_url),
            store=StoreSettings(url=s3["RAG_STORE_URL"], endpoint=s3["RAG_STORE_ENDPOINT"]),
            broker=BrokerSettings(url=SecretStr(rabbitmq[0])),
        )
    )

    port = make_url(postgres_url).port
    assert shown["registry"] == (True, f"PostgreSQL postgresql+psycopg://attest:***@127.0.0.1:{port}/postgres answers")
    assert shown["store"] == (True, f"S3 s3://attest/originals at {s3['RAG_STORE_ENDPOINT']} answers")
    assert shown["broker"] == (True, f"RabbitMQ {rabbitmq[0].replace('guest@', '***@')} answers")


def test_servers_that_do_not_answer_are_said_with_the_reason_and_no_password() -> None:
    dead = f"127.0.0.1:{free_port()}"

    shown = said(
        Settings(
            database=DatabaseSettings(url=f"postgresql+psycopg://attest:secret@{dead}/attest?password=secret"),
            store=StoreSettings(url="s3://attest", endpoint=f"http://{dead}"),
            broker=BrokerSettings(url=SecretStr(f"redis://:secret@{dead}/0")),
        )
    )

    assert [ok for ok, _ in shown.values()] == [False, False, False]
    assert "refused" in shown["registry"][1]
    assert shown["store"][1].startswith(f"S3 s3://attest at http://{dead} does not answer")
    assert "secret" not in str(shown)


def test_the_defaults_are_shown_and_nothing_is_made(tmp_path: Path) -> None:
    shown = said(Settings(data=DataSettings(dir=tmp_path / "data")))

    assert shown == {
        "registry": (None, f"SQLite {tmp_path}/data/registry.db, made at the first start"),
        "store": (None, f"folder {tmp_path}/data/originals, made at the first start"),
    }
    assert not (tmp_path / "data").exists()


def test_a_reranker_is_shown_with_whether_it_answers() -> None:
    with serving({"/v1/models": lambda exchange: exchange.send_json({"data": [{"id": "bge"}]})}) as server:
        there = Settings(embedder=EmbedderSettings(url=server.url), reranker=RerankerSettings(model="bge"))
        other = Settings(reranker=RerankerSettings(model="minilm", url=server.url))

        assert said(there)["reranker"] == (True, f"bge at {server.url} answers")
        assert said(other)["reranker"][1].endswith(f"does not answer: {server.url} serves bge, not minilm.")
    assert said(there)["reranker"][0] is False


def test_a_reranker_that_the_service_loads_itself_is_looked_for_in_its_folder(tmp_path: Path) -> None:
    settings = Settings(reranker=RerankerSettings(model=str(tmp_path)))
    assert said(settings)["reranker"][0] is False

    (tmp_path / "config.json").write_text("{}")

    assert said(settings)["reranker"] == (None, f"folder {tmp_path}, loaded at the start")


def test_each_engine_of_each_generator_is_asked_and_a_wrong_policy_is_said(tmp_path: Path) -> None:
    policy, dead = tmp_path / "generators.toml", f"http://127.0.0.1:{free_port()}/v1"
    with stub_engine() as server:
        entry = f'[[generator]]\nname = "cloud"\nexternal = true\nurls = ["{server.url}", "{dead}"]\n'
        policy.write_text(entry, encoding="utf-8")
        settings = Settings(data=DataSettings(dir=tmp_path / "data"), generator=GeneratorSettings(policy=str(policy)))

        engines = [(one.ok, one.detail) for one in part_checks(settings) if one.name == "cloud"]

    assert engines == [(True, f"{server.url} answers: small-model"), (False, f"{dead} does not answer")]
    assert not (tmp_path / "data").exists()
    policy.write_text("", encoding="utf-8")
    assert said(settings)["generator"] == (False, f"RAG_GENERATOR_POLICY: {policy}, generator: Field required.")
