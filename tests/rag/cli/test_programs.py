"""What `rag up` starts for which settings."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from rag.cli.programs import Plan, plan
from rag.errors import ConfigurationError
from rag.settings import (
    BrokerSettings,
    ChromaSettings,
    DataSettings,
    EmbedderSettings,
    GeneratorSettings,
    RerankerSettings,
    Settings,
)

ELSEWHERE = "http://127.0.0.1:9/v1"


def planned(folder: Path, **stages: Any) -> Plan:
    """Return the plan of a service whose other parts are elsewhere."""
    parts = {
        "broker": BrokerSettings(url=SecretStr("redis://127.0.0.1:9/0")),
        "chroma": ChromaSettings(url="http://127.0.0.1:9"),
        "generator": GeneratorSettings(url=ELSEWHERE),
    }
    return plan(Settings(_env_file=None, data=DataSettings(dir=folder), **parts | stages), "none", "all-MiniLM-L6-v2")


def names(started: Plan) -> list[str]:
    return [program.name for group in started.groups for program in group]


@pytest.fixture
def model(tmp_path: Path) -> RerankerSettings:
    (tmp_path / "config.json").write_text("{}")
    return RerankerSettings(model=str(tmp_path))


def test_nothing_reranks_unless_it_is_configured(tmp_path: Path) -> None:
    assert names(planned(tmp_path)) == ["embedder", "api", "worker"]


def test_the_embedder_process_is_the_reranker_where_the_service_has_one(
    tmp_path: Path, model: RerankerSettings
) -> None:
    started = planned(tmp_path, reranker=model)

    assert names(started) == ["embedder", "api", "worker"]
    assert "RAG_RERANKER_URL" not in started.environment


def test_beside_an_embedder_elsewhere_the_reranker_has_a_process_of_its_own(
    tmp_path: Path, model: RerankerSettings
) -> None:
    started = planned(tmp_path, reranker=model, embedder=EmbedderSettings(url=ELSEWHERE))

    program = started.groups[0][0]
    assert names(started) == ["reranker", "api", "worker"]
    assert not program.required
    assert started.environment["RAG_RERANKER_URL"] == f"http://127.0.0.1:{program.argv[-1]}/v1"


def test_a_reranker_elsewhere_starts_nothing(tmp_path: Path) -> None:
    elsewhere = RerankerSettings(model="BAAI/bge-reranker-v2-m3", url=ELSEWHERE)

    assert names(planned(tmp_path, reranker=elsewhere)) == ["embedder", "api", "worker"]


def test_a_name_without_an_engine_ends_the_start_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="RAG_RERANKER_URL must say where"):
        planned(tmp_path, reranker=RerankerSettings(model="BAAI/bge-reranker-v2-m3"))


def test_where_a_policy_names_the_generators_none_is_started(tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        data=DataSettings(dir=tmp_path),
        broker=BrokerSettings(url=SecretStr("redis://127.0.0.1:9/0")),
        chroma=ChromaSettings(url=ELSEWHERE),
        generator=GeneratorSettings(policy="generators.toml"),
    )

    assert "generator" not in names(plan(settings, "demo", ""))
