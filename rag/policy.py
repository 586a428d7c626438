"""The file of RAG_GENERATOR_POLICY: several generators, and rules that say which of them answers what."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from rag.errors import ConfigurationError
from rag.settings import GeneratorSettings, HttpUrl
from rag.types import Scope

Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]*$", max_length=50)]


def _given(url: str) -> str:
    if not url:
        raise ValueError("must not be empty")
    return url


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GeneratorEntry(Strict):
    """A generator: the engines of one model. `external` must be said: nothing internal goes there.

    The key is that of the environment variable `api_key_env`. Costs are in a currency of your own, for 1,000 tokens.
    """

    name: Name
    urls: list[Annotated[HttpUrl, AfterValidator(_given)]] = Field(min_length=1)
    external: bool
    model: str = ""
    api_key_env: str = ""
    prompt: str = ""
    context_tokens: int = Field(4096, ge=512)
    cost_per_1k_prompt: float = Field(0.0, ge=0)
    cost_per_1k_completion: float = Field(0.0, ge=0)

    def cost(self, prompt_tokens: int, answer_tokens: int) -> float:
        """Return what a prompt and the longest answer cost."""
        return (prompt_tokens * self.cost_per_1k_prompt + answer_tokens * self.cost_per_1k_completion) / 1000

    @property
    def is_priced(self) -> bool:
        """Tell whether a price is given; 0 is one."""
        return not self.model_fields_set.isdisjoint({"cost_per_1k_prompt", "cost_per_1k_completion"})

    def settings(self, shared: GeneratorSettings, environment: Mapping[str, str]) -> GeneratorSettings:
        """Return its settings; lengths and times are `shared`. Raise ConfigurationError if its key is not there."""
        if self.api_key_env and not environment.get(self.api_key_env):
            raise ConfigurationError(
                f"RAG_GENERATOR_POLICY: generator {self.name} wants its key from the environment variable "
                f"{self.api_key_env}, which is not set."
            )
        return shared.model_copy(
            update={
                "url": ",".join(self.urls),
                "model": self.model,
                "api_key": SecretStr(environment.get(self.api_key_env, "")),
                "prompt": self.prompt,
                "context_tokens": self.context_tokens,
            }
        )


class When(Strict):
    """What a question must be for a rule to count: all that is given. Of a list one is enough."""

    groups: list[str] | None = None
    scopes: list[Scope] | None = None
    collections: list[str] | None = None
    internal: bool | None = None
    min_prompt_tokens: int = Field(0, ge=0)
    max_prompt_tokens: int | None = Field(None, ge=0)


class Rule(Strict):
    """Generators in order of preference; one with a longer queue, or a dearer answer, is passed over."""

    when: When = When()
    use: list[Name] = Field(min_length=1)
    max_queue: int | None = Field(None, ge=0)
    max_cost: float | None = Field(None, ge=0)


class Policy(Strict):
    """Generators by preference, for where no rule is given, and the rules in order."""

    generator: list[GeneratorEntry] = Field(min_length=1)
    rule: list[Rule] = []


def load_policy(path: str) -> Policy:
    """Read the file. Raise ConfigurationError that names the file, and the line or the field, that is wrong."""
    try:
        policy = Policy.model_validate(tomllib.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"RAG_GENERATOR_POLICY: {path} cannot be read: {exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f"RAG_GENERATOR_POLICY: {path} is no TOML: {exc}.") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        raise ConfigurationError(f"RAG_GENERATOR_POLICY: {path}, {_place(first['loc'])}: {first['msg']}.") from exc
    names = [one.name for one in policy.generator]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"RAG_GENERATOR_POLICY: {path}: two generators are called {name!r}.")
    for n, rule in enumerate(policy.rule, 1):
        if unknown := set(rule.use) - set(names):
            raise ConfigurationError(
                f"RAG_GENERATOR_POLICY: {path}, rule {n}, use: no generator is called {min(unknown)!r}."
            )
    return policy


def _place(location: tuple[Any, ...]) -> str:
    """Return `generator 2, urls` for ("generator", 1, "urls")."""
    parts: list[str] = []
    for part in location:
        if isinstance(part, int) and parts:
            parts[-1] += f" {part + 1}"
        else:
            parts.append(str(part))
    return ", ".join(parts)
