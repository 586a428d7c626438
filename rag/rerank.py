"""The best candidates to a better order: each is read together with the question, if a reranker is configured."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from rag.errors import RerankerUnavailable
from rag.ranking import Candidate, ranked

BEST = 30  # candidates that are read: most answers are among them, and the time is that of their number
QUERY_CHARS = 2_000  # of the question and what was said before; it is read again with every passage
TIMEOUT_S = 20.0  # for the scores
SHORT_TIMEOUT_S = 2.0  # to connect, and to say which models it serves: whoever asks for the health waits
PAUSE_S = 10.0  # after no answer at all: searches must not all wait for what is not there


class Reranker:
    """A client of one model's engine. Safe to share between threads."""

    def __init__(self, model: str, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`model` is the name under which the engine at `url`, a base URL that ends in /v1, serves it."""
        self.name, self.url = model, url
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(TIMEOUT_S, connect=SHORT_TIMEOUT_S))
        self._clock, self._paused_until = clock, 0.0

    def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """Return how well each passage answers the query, in their order: higher is better.

        The scale is the model's own, for most 0 to 1, and compares passages of one query only. What is longer than
        the model reads is cut. Raise RerankerUnavailable without an answer, at once for a while after there was none.
        """
        if self._clock() < self._paused_until:
            raise RerankerUnavailable(f"{self.url} did not answer less than {PAUSE_S:.0f} s ago.")
        # -1: cut to what the model reads. vLLM refuses a longer pair otherwise; others do not know the field.
        body = {"model": self.name, "query": query, "documents": list(passages), "truncate_prompt_tokens": -1}
        try:
            results = self._call("POST", "/rerank", json=body)["results"]
            found = {int(result["index"]): float(result["relevance_score"]) for result in results}
        except httpx.RequestError as exc:
            self._paused_until = self._clock() + PAUSE_S
            raise self._unavailable(exc) from exc
        except (KeyError, TypeError, ValueError) as exc:
            raise RerankerUnavailable(f"{self.url}/rerank does not answer with results and their scores.") from exc
        if found.keys() != set(range(len(passages))) or not all(map(math.isfinite, found.values())):
            raise RerankerUnavailable(f"{self.name}: {len(passages)} passages, and not a score for each came back.")
        return [found[n] for n in range(len(passages))]

    def ping(self) -> None:
        """Raise RerankerUnavailable if it does not answer soon, or does not serve the model."""
        try:
            served = [str(model["id"]) for model in self._call("GET", "/models", timeout=SHORT_TIMEOUT_S)["data"]]
        except (httpx.RequestError, KeyError, TypeError, ValueError) as exc:
            raise self._unavailable(exc) from exc
        if self.name not in served:
            raise RerankerUnavailable(f"{self.url} serves {', '.join(served) or 'nothing'}, not {self.name}.")

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, **named: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._http.request(method, path, **named).raise_for_status().json()
        except httpx.HTTPStatusError as exc:
            raise RerankerUnavailable(f"{self.url}{path}: status {exc.response.status_code}") from exc
        return answer

    def _unavailable(self, exc: Exception) -> RerankerUnavailable:
        return RerankerUnavailable(f"{self.url}: {type(exc).__name__} {exc}".strip())


def rerank(reranker: Reranker, query: str, candidates: Sequence[Candidate]) -> None:
    """Give the BEST candidates the reranker's score; `ranked` puts them in its order, before all others.

    It reads what the embedder reads. Raise RerankerUnavailable without an answer; then nothing has changed.
    """
    best = ranked(candidates)[:BEST]
    if not best:
        return
    passages = [f"{one.hit.context}\n{one.hit.text}" for one in best]
    for one, score in zip(best, reranker.scores(query[:QUERY_CHARS], passages), strict=True):
        one.rerank = score
