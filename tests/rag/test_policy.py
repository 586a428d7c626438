"""The policy file: what is in it, and what is said of a wrong one."""

from pathlib import Path

import pytest

from bench.service import ROOT
from rag.errors import ConfigurationError
from rag.policy import load_policy
from rag.routing import open_routing
from rag.settings import GeneratorSettings

EXAMPLE = ROOT / "deploy" / "generators.toml"
HOUSE = '[[generator]]\nname = "house"\nurls = ["http://gpu:8000/v1"]\nexternal = false\n'


def test_the_example_is_a_policy() -> None:
    policy = load_policy(str(EXAMPLE))

    assert [(one.name, one.external, len(one.urls)) for one in policy.generator] == [
        ("house", False, 2),
        ("cloud", True, 1),
    ]
    assert [rule.use for rule in policy.rule] == [["cloud", "house"], ["house"], ["cloud"], ["house"]]


def test_the_documentation_shows_the_example_as_it_is() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") in (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[generator]\n", "is no TOML: .*line 1"),
        ("", "generator: Field required"),
        (HOUSE.replace("external = false\n", ""), "generator 1, external: Field required"),
        (HOUSE.replace("http://gpu", "gpu"), "generator 1, urls 1: .*must start with http"),
        (HOUSE + 'api_key = "s3cret"\n', "generator 1, api_key: Extra inputs"),
        (HOUSE + HOUSE, "two generators are called 'house'"),
        (HOUSE + '[[rule]]\nuse = ["home"]\n', "rule 1, use: no generator is called 'home'"),
        (HOUSE + '[[rule]]\nuse = ["house"]\nwhen = { group = ["a"] }\n', "rule 1, when, group: Extra inputs"),
    ],
)
def test_a_wrong_policy_is_refused_with_its_file_and_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "generators.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=f"RAG_GENERATOR_POLICY: {path}.*{said}") as caught:
        load_policy(str(path))
    assert "s3cret" not in caught.value.detail


def test_a_policy_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigurationError, match=r"RAG_GENERATOR_POLICY: /nowhere\.toml cannot be read"):
        load_policy("/nowhere.toml")


def test_a_key_comes_from_the_environment_and_its_lack_is_said() -> None:
    settings = GeneratorSettings(policy=str(EXAMPLE), answer_tokens=99)

    with pytest.raises(ConfigurationError, match=r"generator cloud wants its key from .* CLOUD_API_KEY"):
        open_routing(settings, {}, None)

    routing = open_routing(settings, {"CLOUD_API_KEY": "s3cret"}, None)
    assert routing is not None
    cloud = routing.engines["cloud"].settings
    assert (cloud.api_key.get_secret_value(), cloud.model, cloud.context_tokens) == ("s3cret", "large-model", 65536)
    assert cloud.answer_tokens == 99
    assert "s3cret" not in repr(routing.policy) + repr(cloud)
