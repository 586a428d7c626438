"""A draft to the generators that may write its answer, in the order in which they are tried."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anyio import create_task_group, sleep

from rag.budget import estimate
from rag.collections import Collections
from rag.draft import Draft
from rag.engines import Engines, EngineState
from rag.errors import GeneratorUnavailable
from rag.policy import GeneratorEntry, Policy, Rule, When, load_policy
from rag.settings import GeneratorSettings
from rag.types import Usage

LOOK_S = 2.0  # between two looks at the engines' queues


@dataclass(frozen=True, kw_only=True)
class Route:
    """A generator, in words why it is tried, and what the policy says of it."""

    engines: Engines
    why: str
    entry: GeneratorEntry | None = None

    def cost(self, usage: Usage) -> float | None:
        """Return what an answer cost; None if no price is known."""
        if self.entry is None or not self.entry.is_priced:
            return None
        return self.entry.cost(usage.prompt_tokens, usage.completion_tokens)


@dataclass(frozen=True, kw_only=True)
class Routing:
    """The generators by name, best first, and the policy, None where one generator answers everything."""

    engines: Mapping[str, Engines]
    policy: Policy | None = None
    collections: Collections | None = None

    def routes(self, draft: Draft) -> list[Route]:
        """Return what to try, best first; nothing if the policy leaves nothing.

        Whether an external generator may read the passages is not decided here but where they are sent: `Engines`.
        """
        rules = self.policy.rule if self.policy else []
        if not rules or self.collections is None:
            return [Route(engines=one, why=name, entry=self._entry(name)) for name, one in self.engines.items()]
        asked = _Asked.of(draft, self.collections)
        found: dict[str, Route] = {}
        for n, rule in enumerate(rules, 1):
            if asked.fits(rule.when):
                for name in rule.use:
                    if name not in found and self._is_within(rule, name, asked.prompt_tokens):
                        found[name] = Route(
                            engines=self.engines[name], why=f"rule {n}: {name}", entry=self._entry(name)
                        )
        return list(found.values())

    def _is_within(self, rule: Rule, name: str, prompt_tokens: int) -> bool:
        """Tell whether the generator can be tried now, and keeps to the rule's limits."""
        engines = self.engines[name]
        queue = engines.queue
        if queue is None or (rule.max_queue is not None and queue > rule.max_queue):
            return False
        if rule.max_cost is None:
            return True
        settings = engines.settings
        room = settings.context_tokens - settings.answer_tokens if settings.context_tokens else prompt_tokens
        entry = self._entry(name)
        return entry is None or entry.cost(min(prompt_tokens, room), settings.answer_tokens) <= rule.max_cost

    def _entry(self, name: str) -> GeneratorEntry | None:
        return next((one for one in self.policy.generator if one.name == name), None) if self.policy else None

    async def writers(self, prompts: Sequence[str] = ()) -> str:
        """Return what tells the models, prompts and rules that write from others; "" if a model is not known now.

        `prompts` are the operator's own.
        """
        try:
            models = [await engines.model() for engines in self.engines.values()]
        except GeneratorUnavailable:
            return ""
        given = [engines.settings.prompt or model for engines, model in zip(self.engines.values(), models, strict=True)]
        rules = self.policy.model_dump_json() if self.policy else ""
        return f"{list(zip(models, given, strict=True))} {list(prompts)} {rules}"

    async def states(self, *, ask_external: bool = False) -> list[EngineState]:
        """Return how each engine of each generator is."""
        return [state for engines in self.engines.values() for state in await engines.states(ask_external=ask_external)]

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[None, None]:
        """Look at the engines' queues in the background until the end, and close the connections to them."""
        async with create_task_group() as group:
            group.start_soon(self._watch)
            yield
            group.cancel_scope.cancel()
        for engines in self.engines.values():
            await engines.close()

    async def _watch(self) -> None:
        while True:
            async with create_task_group() as group:
                for engines in self.engines.values():
                    group.start_soon(engines.look)
            await sleep(LOOK_S)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What rules look at: who asks, from which collections the passages are, how long the prompt will be, about."""

    groups: frozenset[str]
    scopes: frozenset[str]
    collections: frozenset[str]
    is_internal: bool
    prompt_tokens: int

    @classmethod
    def of(cls, draft: Draft, collections: Collections) -> "_Asked":
        question = draft.question
        touched = collections.of({hit.document_id for hit in draft.hits})
        texts = [question.text, *(turn.content for turn in question.history), *(hit.text for hit in draft.hits)]
        return cls(
            groups=question.principal.groups,
            scopes=frozenset(question.principal.scopes),
            collections=frozenset(touched),
            is_internal=any(touched.values()),
            prompt_tokens=sum(map(estimate, texts)),
        )

    def fits(self, when: When) -> bool:
        return (
            _shares(when.groups, self.groups)
            and _shares(when.scopes, self.scopes)
            and _shares(when.collections, self.collections)
            and when.internal in {None, self.is_internal}
            and when.min_prompt_tokens <= self.prompt_tokens
            and (when.max_prompt_tokens is None or self.prompt_tokens <= when.max_prompt_tokens)
        )


def _shares(wanted: Sequence[str] | None, found: frozenset[str]) -> bool:
    return wanted is None or not found.isdisjoint(wanted)


def open_routing(
    settings: GeneratorSettings, environment: Mapping[str, str], collections: Collections | None
) -> Routing | None:
    """Return the generators of the policy, else of the URL; None if there is neither. `environment` has their keys.

    Without `collections`, rules do not count and external engines are sent nothing: enough to look at the engines.
    Raise ConfigurationError for a policy that cannot be used.
    """
    if not settings.policy:
        return Routing(engines={"generator": Engines(settings)}) if settings.url else None
    policy = load_policy(settings.policy)
    engines = {
        one.name: Engines(
            one.settings(settings, environment), name=one.name, is_external=one.external, confidential=collections
        )
        for one in policy.generator
    }
    return Routing(engines=engines, policy=policy, collections=collections)
