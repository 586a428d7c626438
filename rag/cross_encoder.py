"""The reranking model itself: a cross-encoder of sentence-transformers on this machine's CPU, if one is configured."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from rag.model import MOST_STREAMS, computes_in_bf16  # first: it leaves out what the next would import for nothing

# isort: split
import sentence_transformers
import torch

from rag.errors import ConfigurationError
from rag.settings import Settings


class CrossEncoder:
    """A loaded cross-encoder. Safe to share between threads: the pairs of all questions go to one stream a core."""

    def __init__(self, settings: Settings) -> None:
        """Load the model. Raise ConfigurationError if its folder is missing or it gives more than one number."""
        self.name = settings.reranker.model
        self._batch_size = settings.embedder.batch_size
        cores = os.cpu_count() or 1
        self._streams = min(MOST_STREAMS, cores)
        torch.set_num_threads(max(1, cores // self._streams))
        precision = torch.bfloat16 if computes_in_bf16(settings.embedder.precision) else torch.float32
        folder = str(settings.reranker.folder())
        self._model = sentence_transformers.CrossEncoder(
            folder, device="cpu", local_files_only=True, model_kwargs={"dtype": precision}
        )
        if self._model.num_labels != 1:
            raise ConfigurationError(
                f"RAG_RERANKER_MODEL: {self.name} gives {self._model.num_labels} numbers for a pair of texts. A model "
                "that reranks gives one."
            )
        self.max_tokens = int(self._model.max_seq_length or 0)
        self._pool = ThreadPoolExecutor(self._streams)
        # The first call sets how the tokenizer cuts and pads; those after it change nothing and may come together.
        self._model.predict([("warm", "up")])

    def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """Return how well each passage answers the query, in their order: higher is better, in the model's own scale.

        That is 0 to 1 unless the model's folder names another activation. Of a pair that is longer than the model
        reads, the longer text is cut from its end.
        """
        longest_first = sorted(range(len(passages)), key=lambda n: -len(passages[n]))
        parts = [part for first in range(self._streams) if (part := longest_first[first :: self._streams])]
        found: dict[int, float] = {}
        for part, scores in zip(parts, self._pool.map(lambda p: self._predict(query, passages, p), parts), strict=True):
            found |= dict(zip(part, scores, strict=True))
        return [found[n] for n in range(len(passages))]

    def _predict(self, query: str, passages: Sequence[str], part: Sequence[int]) -> list[float]:
        pairs = [(query, passages[n]) for n in part]
        return [float(score) for score in self._model.predict(pairs, batch_size=self._batch_size)]
