"""One engine of several: its client, whether it works, its queue, and the answer that it writes or goes on with."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from anyio import move_on_after

from rag.breaker import Breaker
from rag.errors import GeneratorUnavailable
from rag.generate import Generator
from rag.prompt import Message, Prompt
from rag.settings import GeneratorSettings
from rag.types import Token, Usage


@dataclass(kw_only=True)
class Begun:
    """What is written of an answer so far, by whatever engine: one that takes over must not say it again."""

    text: str = ""
    tokens: int = 0
    _before: int = field(default=0, init=False)  # tokens of the engines before this one
    _is_spaced: bool = field(default=False, init=False)

    def resumed(self) -> None:
        """Note that another engine goes on. It is sent the text without the space at its end, and may write one."""
        self._before, self._is_spaced = self.tokens, self.text != self.text.rstrip()

    def added(self, piece: Token | Usage) -> Token | Usage:
        """Keep a piece, and return what the reader gets of it."""
        if isinstance(piece, Usage):
            return replace(piece, completion_tokens=piece.completion_tokens + self._before)
        self.tokens += 1
        kept = piece.text.lstrip() if self._is_spaced else piece.text
        self._is_spaced = self._is_spaced and not kept
        self.text += kept
        return Token(text=kept)


class Replica:
    """The engine at `settings.url`. `running` counts the requests of this process, `others` those of other ones."""

    def __init__(self, settings: GeneratorSettings) -> None:
        self.generator = Generator(settings)
        self.breaker = Breaker()
        self.running = self.others = 0
        self.url = settings.url
        self.host = urlsplit(settings.url).netloc.rpartition("@")[2]

    @property
    def queue(self) -> int:
        return self.running + self.others

    async def write(
        self, prompt: Prompt, messages: Sequence[Message], begun: Begun, *, patience_s: float
    ) -> AsyncGenerator[Token | Usage, None]:
        """Yield the answer's pieces, or what is left of it, and tell the breaker how it went.

        Raise GeneratorUnavailable if the engine fails, cannot go on with what is begun, or says nothing in time.
        """
        self.running += 1
        self.breaker.began()
        try:
            written = begun.text.rstrip()
            if written:
                await self._require_continuing()
            begun.resumed()
            stream = self.generator.stream(prompt, messages, written, begun.tokens)
            async with aclosing(stream) as pieces:
                for piece in await self._first(pieces, patience_s):
                    self.breaker.wrote()
                    yield begun.added(piece)
                async for piece in pieces:
                    yield begun.added(piece)
            self.breaker.succeeded()
        except GeneratorUnavailable as exc:
            if not exc.refused:
                self.breaker.failed(unreachable=not exc.reached)
            raise
        finally:
            self.running -= 1
            self.breaker.ended()

    async def _require_continuing(self) -> None:
        if not await self.generator.continues():
            raise GeneratorUnavailable(f"{self.url}: cannot go on with an answer that was begun.", refused=True)

    async def _first(self, pieces: AsyncGenerator[Token | Usage, None], patience_s: float) -> list[Token | Usage]:
        """Return the first piece, or nothing if there is none."""
        with move_on_after(patience_s):
            return [piece] if (piece := await anext(pieces, None)) else []
        raise GeneratorUnavailable(f"{self.url}: no token within {patience_s:g} s.")

    async def look(self) -> None:
        """Learn whether the engine takes connections, and its queue."""
        try:
            total = await self.generator.queue()
        except GeneratorUnavailable as exc:
            self.note(exc)
        else:
            self.breaker.reached()
            self.others = max(0, (total or 0) - self.running)

    async def model(self) -> str:
        """Return the model's name. Raise GeneratorUnavailable if the engine must tell it, and does not."""
        try:
            return await self.generator.model()
        except GeneratorUnavailable as exc:
            self.note(exc)
            raise

    async def room_tokens(self) -> int:
        """Return what the context leaves for the prompt. Raise as `model` does."""
        try:
            return await self.generator.room_tokens()
        except GeneratorUnavailable as exc:
            self.note(exc)
            raise

    async def ping(self) -> str:
        """Return the model's name. Raise GeneratorUnavailable if the engine does not answer now."""
        try:
            model = await self.generator.ping()
        except GeneratorUnavailable as exc:
            self.note(exc)
            raise
        self.breaker.reached()
        return model

    def note(self, failure: GeneratorUnavailable) -> None:
        """Have the breaker open if the engine cannot even be connected to."""
        if not failure.reached:
            self.breaker.failed(unreachable=True)
