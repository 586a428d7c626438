"""What texts cost in the prompt: counted by the engine's own tokenizer, or estimated where it has none."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence

import anyio
import httpx

BYTES_PER_TOKEN = 3  # English has about 4; a Chinese or Japanese letter has 3
CALLS_AT_ONCE = 4
REMEMBERED = 20_000  # counts, some 2 MB
TIMEOUT_S = 5.0
_DEAR = re.compile(r"[^\w\s]|[\d_]")  # many tokenizers make a token of every digit and sign


def estimate(text: str) -> int:
    """Return about how many tokens a text has, rather too many: digits, signs and a third of its other bytes."""
    dear = len(_DEAR.findall(text))
    return dear + (len(text.encode(errors="replace")) - dear) // BYTES_PER_TOKEN + 1


class TokenCounter:
    """Counts texts by an engine's `/tokenize`, as vLLM and llama.cpp's server have it; remembers what it counted."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        """`url` is the engine's base URL, which ends in /v1; `/tokenize` is beside it."""
        self._client, self._url = client, url.removesuffix("/v1") + "/tokenize"
        self._counts: OrderedDict[bytes, int] = OrderedDict()
        self._counts_itself = True

    async def count(self, texts: Sequence[str], model: str) -> list[int]:
        """Return the tokens of each text. Those that the engine does not count are estimated.

        An engine that has once answered that it knows no such call is not asked again.
        """
        new = {key: text for text in texts if (key := _key(text)) not in self._counts}
        if new and self._counts_itself:
            limit = anyio.CapacityLimiter(CALLS_AT_ONCE)
            async with anyio.create_task_group() as calls:
                for key, text in new.items():
                    calls.start_soon(self._ask, key, text, model, limit)
        counted = [self._counts.get(_key(text)) for text in texts]
        while len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)
        return [estimate(text) if count is None else count for text, count in zip(texts, counted, strict=True)]

    async def _ask(self, key: bytes, text: str, model: str, limit: anyio.CapacityLimiter) -> None:
        """Remember the count, if the engine gives one. vLLM reads `prompt`, llama.cpp's server `content`."""
        body = {"model": model, "prompt": text, "content": text, "add_special_tokens": False}
        async with limit:
            if not self._counts_itself:
                return
            try:
                response = await self._client.post(self._url, json=body, timeout=TIMEOUT_S)
                answer = response.raise_for_status().json()
                self._counts[key] = int(answer["count"] if "count" in answer else len(answer["tokens"]))
            except httpx.RequestError:
                return  # busy or restarting; it may count the next time
            except httpx.HTTPStatusError as exc:
                self._counts_itself = exc.response.is_server_error
            except (ValueError, LookupError, TypeError):
                self._counts_itself = False


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
