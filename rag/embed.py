"""Texts to vectors, by the embedder process or any engine that speaks OpenAI's embeddings API."""

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import Any

import httpx
import numpy as np

from rag.errors import EmbedderUnavailable, PassageTooLong
from rag.tokens import load_tokenizer, model_name
from rag.vectors import Vectors, normalised

CONNECT_TIMEOUT_S = 2.0
SPECIAL_TOKENS = 2  # begin and end
APART = (  # no question is near another's passage
    ("How many days of holiday do I have?", "Employees have thirty days of paid holiday in a calendar year."),
    ("Which grease does the conveyor need?", "The bearings of the conveyor are filled with lithium grease."),
    ("Who won the battle of Hastings?", "William of Normandy defeated King Harold at Hastings in 1066."),
    ("How is a list sorted in Python?", "The function sorted returns a new list in ascending order."),
    ("What helps against a cold?", "Rest, warm drinks and sleep ease the symptoms of a common cold."),
    ("When does the museum open?", "Visitors are welcome from ten in the morning, except on Mondays."),
    ("What is the boiling point of ethanol?", "Ethanol boils at 78 degrees Celsius under normal pressure."),
    ("How do I bake bread without yeast?", "Soda bread rises by baking soda and buttermilk alone."),
)
REMEMBERED = 10_000  # vectors of sentences, 15 MB
DEFAULT_MAX_TOKENS = 512  # of an engine that does not say: what BERT-like models read


class Embedder:
    """A client of one model's engine. Safe to share between threads."""

    def __init__(
        self,
        model: str,
        url: str,
        *,
        query_prefix: str = "",
        passage_prefix: str = "",
        send_input_type: bool = False,
        timeout_s: float = 120.0,
    ) -> None:
        self.name = model_name(model)
        self.url = url
        self._send_input_type = send_input_type
        self._prefixes = {"query": query_prefix, "passage": passage_prefix}
        self._tokenizer = load_tokenizer(model)
        self._remembered, self._remembering = OrderedDict[bytes, Vectors](), Lock()
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S))

    @cached_property
    def dimension(self) -> int:
        return int(self.embed_query("dimension").shape[0])

    @cached_property
    def unrelated(self) -> float:
        """The cosine that this model gives a question and a passage that have nothing to do with each other.

        Near 0 for some models, 0.75 for others: what a cosine says begins there.
        """
        questions = self.embed_queries([question for question, _ in APART])
        passages = self.embed([passage for _, passage in APART])
        cosines = questions @ passages.T
        return float(cosines[~np.eye(len(APART), dtype=bool)].mean())

    @cached_property
    def max_tokens(self) -> int:
        """Longest text that the model reads whole, in tokens, special ones included."""
        return int(self._served().get(self.name, {}).get("max_model_len") or DEFAULT_MAX_TOKENS)

    def served(self) -> list[str]:
        """Return the names of the models that the engine says it serves."""
        return list(self._served())

    def ping(self) -> None:
        """Raise EmbedderUnavailable if it does not answer."""
        self._call("GET", "/models")

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 array (len(texts), dimension), L2-normalised, in input order.

        Raise PassageTooLong rather than have a text cut silently, EmbedderUnavailable without an answer.
        """
        prefixed = [self._prefixes["passage"] + text for text in texts]
        for position, encoded in enumerate(self._tokenizer.encode_batch_fast(prefixed, add_special_tokens=False)):
            count = len(encoded.ids) + SPECIAL_TOKENS
            if count > self.max_tokens:
                raise PassageTooLong(
                    f"Passage {position} has {count} tokens, {self.name} reads {self.max_tokens}. "
                    "Lower RAG_CHUNK_TOKENS."
                )
        return self._embed(prefixed, "passage") if prefixed else np.zeros((0, self.dimension), dtype=np.float32)

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        """Return what `embed` returns. The last REMEMBERED are kept: sentences come again with many questions."""
        if not texts:
            return self.embed(texts)
        keys = [hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest() for text in texts]
        known = {key: vector for key in keys if (vector := self._remembered.get(key)) is not None}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        known |= dict(zip(new, self.embed(list(new.values())), strict=True)) if new else {}
        with self._remembering:
            for key in keys:
                self._remembered[key] = known[key]
                self._remembered.move_to_end(key)
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return np.stack([known[key] for key in keys])

    def embed_query(self, text: str) -> Vectors:
        """Return float32 array (dimension,), L2-normalised. What does not fit the model is cut from the end."""
        vector: Vectors = self.embed_queries([text])[0]
        return vector

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return float32 array (len(texts), dimension) as `embed_query` does, in one call."""
        return self._embed([self._prefixes["query"] + text for text in texts], "query")

    def tokens(self, text: str) -> list[int]:
        """Return the model's token ids of `text`, uncut, without special tokens."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _served(self) -> dict[str, dict[str, Any]]:
        return {str(model.get("id")): model for model in self._call("GET", "/models").get("data") or []}

    def _embed(self, texts: Sequence[str], input_type: str) -> Vectors:
        body: dict[str, Any] = {"model": self.name, "input": list(texts), "encoding_format": "base64"}
        if self._send_input_type:
            body["input_type"] = input_type
        answer = sorted(self._call("POST", "/embeddings", body)["data"], key=lambda item: int(item["index"]))
        if len(answer) != len(texts):
            raise EmbedderUnavailable(f"{self.name}: {len(answer)} of {len(texts)} vectors came back.")
        return normalised(np.stack([_decoded(item["embedding"]) for item in answer]))

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, json=body)
            answer: dict[str, Any] = response.raise_for_status().json()
        except httpx.HTTPStatusError as exc:
            if exc.response.status_code == httpx.codes.BAD_REQUEST:
                raise PassageTooLong(f"{self.name} refuses a passage: {exc.response.text[:300]}") from exc
            raise EmbedderUnavailable(f"{self.url}: status {exc.response.status_code}") from exc
        except (httpx.HTTPError, ValueError) as exc:
            raise EmbedderUnavailable(f"{self.url}: {type(exc).__name__} {exc}".strip()) from exc
        return answer


def _decoded(embedding: str | list[float]) -> Vectors:
    """Engines that do not know the base64 form answer with numbers."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding), dtype="<f4").copy()
    return np.asarray(embedding, dtype=np.float32)
