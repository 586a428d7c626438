"""Several engines that serve one model: which of them answers, and who takes over when it does not.

An answer goes to the engine with the shortest queue, a conversation to the one that has read it before. What an
engine leaves is taken over by another: unnoticed before the first token, and after it, where the other can go on with
what is written.
"""

import hashlib
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol, TypeVar

from anyio import create_task_group
from anyio.to_thread import run_sync

from rag.budget import estimate
from rag.draft import Draft
from rag.errors import GeneratorUnavailable
from rag.prompt import Prompt
from rag.replica import Begun, Replica
from rag.settings import GeneratorSettings
from rag.types import Token, Usage

T = TypeVar("T")
AFFINITY = 4  # a conversation stays with its engine until that has so many requests more than another
PATIENCE_S = 10.0  # for the first token, while another engine has nothing to do


class Confidential(Protocol):
    """Who knows whether what a draft sends must stay in the house: `rag.collections.Collections`."""

    def holds_internal(self, draft: Draft) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class EngineState:
    """How the n-th engine of a generator is: `model` is what it serves, "" if unknown; `queue` counts its requests."""

    generator: str
    n: int
    url: str
    is_ok: bool
    model: str
    queue: int


class Engines:
    """The engines at the URLs of the settings. External ones get nothing that `confidential` calls internal."""

    def __init__(
        self,
        settings: GeneratorSettings,
        *,
        name: str = "generator",
        is_external: bool = False,
        confidential: Confidential | None = None,
    ) -> None:
        self.settings, self.name, self.is_external = settings, name, is_external
        self._confidential = confidential
        self._replicas = [Replica(settings.model_copy(update={"url": url})) for url in settings.urls]

    @property
    def queue(self) -> int | None:
        """The shortest queue; None if no engine may be tried now."""
        return min((one.queue for one in self._replicas if one.breaker.allows()), default=None)

    async def model(self) -> str:
        """Return the name of the model, which is the same on all. Raise GeneratorUnavailable if none tells it."""
        return await self._told(Replica.model)

    async def room_tokens(self) -> int:
        """Return what the context leaves for the prompt. Raise GeneratorUnavailable if it is not known."""
        return await self._told(Replica.room_tokens)

    async def count(self, texts: Sequence[str], model: str) -> list[int]:
        """Return the tokens of each text, for an external engine estimated: it is not to read them yet."""
        if self.is_external:
            return [estimate(text) for text in texts]
        for replica in self._replicas:
            if replica.breaker.allows():
                return await replica.generator.count(texts, model)
        raise self._none_left()

    async def _told(self, ask: Callable[[Replica], Awaitable[T]]) -> T:
        """Return what the first engine says that answers."""
        failure = self._none_left()
        for replica in self._replicas:
            if replica.breaker.allows():
                try:
                    return await ask(replica)
                except GeneratorUnavailable as exc:
                    failure = exc
        raise failure

    async def stream(self, prompt: Prompt, draft: Draft) -> AsyncGenerator[Token | Usage, None]:
        """Yield the answer to the draft's messages, then its usage. Raise GeneratorUnavailable if no engine is left.

        `draft.routed` tells which engines were asked.
        """
        begun, tried, failure = Begun(), list[Replica](), self._none_left()
        while replica := self._choose(draft, tried):
            await self._keep_in_the_house(draft)
            draft.routed += f"{', then' if tried else ' at'} {replica.host}"
            patience_s = PATIENCE_S if not tried and self._is_another_idle(replica) else math.inf
            try:
                written = replica.write(prompt, draft.messages, begun, patience_s=patience_s)
                async with aclosing(written) as pieces:
                    async for piece in pieces:
                        yield piece
            except GeneratorUnavailable as exc:
                if exc.refused and not begun.text:
                    raise  # another engine of the model would refuse it, too
                failure = exc
                tried.append(replica)
            else:
                return
        raise failure

    async def _keep_in_the_house(self, draft: Draft) -> None:
        """Decide, here alone, whether an external engine may read what is about to be sent."""
        if not self.is_external:
            return
        if self._confidential is None or await run_sync(self._confidential.holds_internal, draft):
            draft.routed += " is external, the passages are internal"
            raise GeneratorUnavailable(f"{self.name} is external, and the passages are internal.", refused=True)

    def _choose(self, draft: Draft, tried: Sequence[Replica]) -> Replica | None:
        """Return the engine for this answer, by queue and conversation (rendezvous hashing); None if none is left."""
        may = [one for one in self._replicas if one not in tried and one.breaker.allows()]
        conversation = draft.question.conversation_id
        longest = min((one.queue for one in may), default=0) + (AFFINITY if conversation else 0)
        key = conversation or draft.question.trace_id
        return max((one for one in may if one.queue <= longest), key=lambda one: _weight(key, one.url), default=None)

    def _is_another_idle(self, replica: Replica) -> bool:
        return any(one is not replica and one.breaker.is_closed and not one.queue for one in self._replicas)

    def _none_left(self) -> GeneratorUnavailable:
        return GeneratorUnavailable(f"{self.name}: every engine has failed lately; they are tried again soon.")

    async def look(self) -> None:
        """Learn each engine's queue, and whether it takes connections. External ones are not asked."""
        if not self.is_external:
            async with create_task_group() as group:
                for replica in self._replicas:
                    group.start_soon(replica.look)

    async def states(self, *, ask_external: bool = False) -> list[EngineState]:
        """Return how each engine is, in the order of their URLs; of an external one how it was last, unless asked."""
        states: dict[int, EngineState] = {}

        async def find(n: int, one: Replica) -> None:
            is_ok, model = one.breaker.is_closed, self.settings.model
            if ask_external or not self.is_external:
                try:
                    is_ok, model = True, await one.ping()
                except GeneratorUnavailable:
                    is_ok = False
            states[n] = EngineState(generator=self.name, n=n, url=one.url, is_ok=is_ok, model=model, queue=one.queue)

        async with create_task_group() as group:
            for n, replica in enumerate(self._replicas, 1):
                group.start_soon(find, n, replica)
        return [states[n] for n in sorted(states)]

    async def close(self) -> None:
        for replica in self._replicas:
            await replica.generator.close()


def _weight(key: str, url: str) -> bytes:
    return hashlib.blake2b(f"{key}\0{url}".encode()).digest()
