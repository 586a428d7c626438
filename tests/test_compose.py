"""docker-compose.yml against the Compose specification, the settings and our rules; no Docker engine is needed."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from rag.settings import known_variables

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
OURS = ["api", "worker"]
SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN|AUTH|KEY)$")
INTERPOLATION = re.compile(r"\$\{(?P<name>\w+)(?P<operator>:?[-?+])?(?P<rest>[^}]*)\}")

each_service = pytest.mark.parametrize("name", SERVICES)


def interpolations() -> list[re.Match[str]]:
    """Return every ${NAME...} outside comments."""
    lines = [line for line in TEXT.splitlines() if not line.lstrip().startswith("#")]
    return list(INTERPOLATION.finditer("\n".join(lines).replace("$$", "")))


def interpolated() -> str:
    """Return the file as Compose checks it: variables and merge keys resolved, only what it demands is set."""
    text = INTERPOLATION.sub(lambda match: "given" if match["operator"] == ":?" else match["rest"], TEXT)
    return yaml.safe_dump(yaml.safe_load(text))


def test_the_file_follows_the_compose_specification() -> None:
    compose = PyCompose.from_yaml(interpolated())

    compose.validate()

    assert set(compose.service_names()) == {
        "api",
        "worker",
        "embedder",
        "postgres",
        "redis",
        "chroma",
        "vllm",
        "vllm-cpu",
    }


def test_every_variable_it_sets_is_one_the_settings_know() -> None:
    names = {name for service in SERVICES.values() for name in service["environment"] if name.startswith("RAG_")}
    names |= {match["name"] for match in interpolations() if match["name"].startswith("RAG_")}

    assert "RAG_GENERATOR_URL" in names
    assert names <= known_variables()


def test_the_dockerfile_sets_only_variables_that_the_settings_know() -> None:
    names = set(re.findall(r"RAG_[A-Z_]+", (ROOT / "Dockerfile").read_text(encoding="utf-8")))

    assert names <= known_variables()


@each_service
def test_every_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


@each_service
def test_every_image_is_pinned_to_a_version(name: str) -> None:
    assert re.search(r":v?\d+\.\d+", SERVICES[name]["image"])


@each_service
def test_every_service_has_no_capabilities_and_a_memory_limit(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]


@each_service
def test_services_wait_until_what_they_need_is_healthy(name: str) -> None:
    needs = SERVICES[name].get("depends_on", {})

    assert {need["condition"] for need in needs.values()} <= {"service_healthy"}


def test_only_the_api_is_published_and_on_loopback_unless_told_otherwise() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {"api": ["${PUBLISH_HOST:-127.0.0.1}:${PUBLISH_PORT:-8080}:8080"]}


def test_registry_broker_and_vectors_are_on_the_closed_network_alone() -> None:
    networks = yaml.safe_load(TEXT)["networks"]

    assert networks["inner"] == {"internal": True}
    assert all(SERVICES[name]["networks"] == ["inner"] for name in ("postgres", "redis", "chroma"))


def test_no_secret_has_a_default() -> None:
    secrets = [match for match in interpolations() if SECRET.search(match["name"])]

    assert {match["name"] for match in secrets if match["operator"] == ":?"} == {"POSTGRES_PASSWORD", "REDIS_PASSWORD"}
    assert not [match[0] for match in secrets if match["operator"] != ":?" and match["rest"]]


@each_service
def test_no_secret_is_written_down(name: str) -> None:
    secrets = {key: value for key, value in SERVICES[name]["environment"].items() if SECRET.search(key)}

    assert all(INTERPOLATION.fullmatch(value) for value in secrets.values())


def test_api_and_worker_run_one_image_as_an_unprivileged_user() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert SERVICES["api"]["image"] == SERVICES["worker"]["image"]
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    assert all(SERVICES[name]["read_only"] for name in OURS)


def test_chroma_server_and_client_are_the_same_version() -> None:
    version = SERVICES["chroma"]["image"].rpartition(":")[2]

    assert f"chromadb=={version} " in (ROOT / "requirements" / "main.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["gpu", "cpu"])
def test_the_engines_context_holds_what_the_service_sends(name: str) -> None:
    flags = yaml.safe_load((ROOT / "deploy" / "vllm" / f"{name}.yaml").read_text(encoding="utf-8"))
    context = SERVICES["api"]["environment"]["RAG_GENERATOR_CONTEXT_TOKENS"]

    assert context == f"${{RAG_GENERATOR_CONTEXT_TOKENS:-{flags['max-model-len']}}}"
    assert "quantization" not in flags
