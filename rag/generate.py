"""Messages to a stream of tokens, from any engine that speaks OpenAI's API. Closing the stream stops the engine."""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx
from httpx_sse import EventSource, SSEError

from rag.budget import TokenCounter
from rag.errors import GeneratorUnavailable
from rag.prompt import Message, Prompt
from rag.settings import GeneratorSettings
from rag.types import Token, Usage

CONNECT_TIMEOUT_S = 2.0
CONTEXT_TOKENS = 4096  # of an engine that does not say


class Generator:
    """A client of one engine. `label` is the served model's name."""

    def __init__(self, settings: GeneratorSettings) -> None:
        key = settings.api_key.get_secret_value()
        self.settings = settings
        self._model = settings.model
        self._context_tokens = settings.context_tokens
        self._client = httpx.AsyncClient(
            base_url=settings.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(settings.timeout_s, connect=CONNECT_TIMEOUT_S),
        )
        self._counter = TokenCounter(self._client, settings.url)

    async def model(self) -> str:
        """Return the model's name: the set one, else the first that the engine lists."""
        if not self._model:
            await self._look_up()
        return self._model

    async def room_tokens(self) -> int:
        """Return what the engine's context leaves for the prompt: the set context, else what the engine says of it."""
        if not self._context_tokens:
            await self._look_up()
        return self._context_tokens - self.settings.answer_tokens

    async def count(self, texts: Sequence[str], model: str) -> list[int]:
        """Return the tokens of each text, estimated where the engine does not count them."""
        return await self._counter.count(texts, model)

    async def _look_up(self) -> None:
        """Learn the model and its context from the engine's list; vLLM says `max_model_len`, others nothing."""
        try:
            answer = await self._client.get("/models", timeout=CONNECT_TIMEOUT_S)
            listed = answer.raise_for_status().json()["data"]
            model = next((one for one in listed if one["id"] == self._model), listed[0])
            self._model = self._model or model["id"]
            self._context_tokens = self._context_tokens or int(model.get("max_model_len") or CONTEXT_TOKENS)
        except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as exc:
            raise self._unavailable(exc) from exc

    async def ping(self) -> str:
        """Return the model's name if the engine answers now. Raise GeneratorUnavailable."""
        try:
            (await self._client.get("/models", timeout=CONNECT_TIMEOUT_S)).raise_for_status()
        except httpx.HTTPError as exc:
            raise self._unavailable(exc) from exc
        return await self.model()

    async def stream(self, prompt: Prompt, messages: Sequence[Message]) -> AsyncGenerator[Token | Usage, None]:
        """Yield the answer's pieces, then its usage. Raise GeneratorUnavailable, at the start or half-way."""
        body = {
            "model": await self.model(),
            "messages": list(messages),
            "temperature": prompt.temperature,
            "stop": prompt.stop,
            "max_tokens": self.settings.answer_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        } | prompt.extra
        try:
            async with self._client.stream("POST", "/chat/completions", json=body) as response:
                response.raise_for_status()
                async for event in EventSource(response).aiter_sse():
                    if event.data == "[DONE]":
                        return
                    for piece in _pieces(json.loads(event.data)):
                        yield piece
        except (httpx.HTTPError, SSEError, ValueError, TypeError, AttributeError) as exc:
            raise self._unavailable(exc) from exc
        raise GeneratorUnavailable(f"{self.settings.url}: the stream ended before its [DONE].")

    async def close(self) -> None:
        await self._client.aclose()

    def _unavailable(self, exc: Exception) -> GeneratorUnavailable:
        return GeneratorUnavailable(f"{self.settings.url}: {type(exc).__name__} {exc}".strip())


def _pieces(chunk: dict[str, Any]) -> list[Token | Usage]:
    """Raise ValueError for an engine's error: vLLM sends it within the stream, whose end then looks like any other."""
    if error := chunk.get("error"):
        raise ValueError(error)
    pieces: list[Token | Usage] = []
    for choice in chunk.get("choices") or []:
        if text := (choice.get("delta") or {}).get("content"):
            pieces.append(Token(text=text))
    if usage := chunk.get("usage"):
        pieces.append(
            Usage(
                prompt_tokens=usage.get("prompt_tokens") or 0,
                completion_tokens=usage.get("completion_tokens") or 0,
                cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
            )
        )
    return pieces
