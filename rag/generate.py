"""Messages to a stream of tokens, from any engine that speaks OpenAI's API. Closing the stream stops the engine.

One engine; `rag.engines` chooses among several.
"""

import json
import re
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
REFUSALS = {400, 413, 422}  # of what was asked; any engine of this model would refuse it
CONTINUING = {"vllm"}  # as an engine names itself in its list of models
_QUEUE = re.compile(
    r"^(?:vllm:num_requests_(?:running|waiting)|llamacpp:requests_(?:processing|deferred))(?:\{.*\})? (\S+)$", re.M
)
CONTEXT_TOKENS = 4096  # of an engine that does not say


class Generator:
    """A client of the engine at `settings.url`, one URL."""

    def __init__(self, settings: GeneratorSettings) -> None:
        key = settings.api_key.get_secret_value()
        self.settings = settings
        self._model = settings.model
        self._context_tokens = settings.context_tokens
        self._client = httpx.AsyncClient(
            base_url=settings.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(settings.timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=None),  # what waits, waits in the engine, whose queue is watched
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

    async def queue(self) -> int | None:
        """Return how many requests the engine works on or has waiting, by its own metrics; None if it has none.

        Raise GeneratorUnavailable if it cannot be connected to.
        """
        try:
            answer = await self._client.get(
                f"{self.settings.url.removesuffix('/v1')}/metrics", timeout=CONNECT_TIMEOUT_S
            )
            counts = [float(count) for count in _QUEUE.findall(answer.text)]
        except (httpx.HTTPError, ValueError) as exc:
            raise self._unavailable(exc) from exc
        return int(sum(counts)) if counts else None

    async def continues(self) -> bool:
        """Tell whether the engine can go on with an answer that another one began."""
        try:
            answer = await self._client.get("/models")  # the busiest engine may be the only one left
            return answer.raise_for_status().json()["data"][0].get("owned_by") in CONTINUING
        except (httpx.HTTPError, ValueError, LookupError, AttributeError) as exc:
            raise self._unavailable(exc) from exc

    async def stream(
        self, prompt: Prompt, messages: Sequence[Message], written: str = "", written_tokens: int = 0
    ) -> AsyncGenerator[Token | Usage, None]:
        """Yield the answer's pieces, then its usage. Raise GeneratorUnavailable, at the start or half-way.

        With `written`, the beginning of the answer, of `written_tokens`, yield what comes after it. It must not end
        with a space: chat templates take that away.
        """
        body = self._body(prompt, messages, await self.model())
        if written:
            body |= _continuing(body, written, written_tokens)
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

    def _body(self, prompt: Prompt, messages: Sequence[Message], model: str) -> dict[str, Any]:
        return {
            "model": model,
            "messages": list(messages),
            "temperature": prompt.temperature,
            "stop": prompt.stop,
            "max_tokens": self.settings.answer_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        } | prompt.extra

    async def close(self) -> None:
        await self._client.aclose()

    def _unavailable(self, exc: Exception) -> GeneratorUnavailable:
        status = exc.response.status_code if isinstance(exc, httpx.HTTPStatusError) else None
        return GeneratorUnavailable(
            f"{self.settings.url}: {type(exc).__name__} {exc}".strip(),
            reached=not isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout),
            refused=status in REFUSALS,
        )


def _continuing(body: dict[str, Any], written: str, written_tokens: int) -> dict[str, Any]:
    """Return what vLLM wants to be sent to go on with its last message instead of beginning another."""
    return {
        "messages": [*body["messages"], {"role": "assistant", "content": written}],
        "max_tokens": max(1, body["max_tokens"] - written_tokens),
        "add_generation_prompt": False,
        "continue_final_message": True,
    }


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
