"""Texts to vectors, by the embedder process or any engine that speaks OpenAI's embeddings API."""

import base64
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import httpx
import numpy as np

from rag.errors import EmbedderUnavailable, PassageTooLong
from rag.settings import EmbedderSettings
from rag.tokens import load_tokenizer, model_name
from rag.vectors import Vectors

CONNECT_TIMEOUT_S = 2.0
SPECIAL_TOKENS = 2  # begin and end


class Embedder:
    """A client of the embedder. Safe to share between threads."""

    def __init__(self, settings: EmbedderSettings) -> None:
        self.name = model_name(settings.model)
        self._url = settings.url
        self._tokenizer = load_tokenizer(settings.model)
        timeout = httpx.Timeout(settings.timeout_s, connect=CONNECT_TIMEOUT_S)
        self._http = httpx.Client(base_url=settings.url, timeout=timeout)

    @cached_property
    def dimension(self) -> int:
        return int(self.embed_query("dimension").shape[0])

    @cached_property
    def max_tokens(self) -> int:
        """Longest text that the model reads whole, in tokens, special ones included."""
        return int(self._call("GET", "/models")["data"][0]["max_model_len"])

    def ping(self) -> None:
        """Raise EmbedderUnavailable if it does not answer."""
        self._call("GET", "/models")

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 array (len(texts), dimension), L2-normalised, in input order.

        Raise PassageTooLong rather than have a text cut silently, EmbedderUnavailable without an answer.
        """
        for position, text in enumerate(texts):
            count = len(self.tokens(text)) + SPECIAL_TOKENS
            if count > self.max_tokens:
                raise PassageTooLong(
                    f"Passage {position} has {count} tokens, {self.name} reads {self.max_tokens}. "
                    "Lower RAG_CHUNK_TOKENS."
                )
        return self._embed(texts) if texts else np.zeros((0, self.dimension), dtype=np.float32)

    def embed_query(self, text: str) -> Vectors:
        """Return float32 array (dimension,), L2-normalised. What does not fit the model is cut from the end."""
        vector: Vectors = self._embed([text])[0]
        return vector

    def tokens(self, text: str) -> list[int]:
        """Return the model's token ids of `text`, uncut, without special tokens."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        body = {"model": self.name, "input": list(texts), "encoding_format": "base64"}
        answer = sorted(self._call("POST", "/embeddings", body)["data"], key=lambda item: int(item["index"]))
        rows = [np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f4") for item in answer]
        vectors: Vectors = np.stack(rows)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, json=body)
            answer: dict[str, Any] = response.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as exc:
            raise EmbedderUnavailable(f"{self._url}: {type(exc).__name__} {exc}".strip()) from exc
        return answer
