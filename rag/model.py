"""The embedding model itself: sentence-transformers on this machine's CPU. Only the embedder process loads it."""

import ctypes
import os
import sys
from collections.abc import Sequence
from copy import deepcopy
from importlib.machinery import ModuleSpec
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from types import ModuleType


def _leave_out(*names: str) -> None:
    """Put empty modules in place of scikit-learn, which sentence-transformers imports for its evaluators alone.

    Embedding never calls it. It and the pandas it brings cost 80 MB and 3 s at every start.
    """
    for name in names:
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        module.__dict__["__getattr__"] = lambda _attribute: None
        sys.modules.setdefault(name, module)


_leave_out("sklearn", "sklearn.metrics")

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from rag.settings import EmbedderSettings
from rag.tokens import PACKAGED, model_folder, model_name
from rag.vectors import Vectors

transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]

MOST_STREAMS = 4  # each has a tokenizer, some 10 MB
_LIBC = ctypes.CDLL(None)


class Model:
    """A loaded model, used by as many threads at once as it has streams. A query never waits for passages.

    A stream computes on one core: two single-threaded streams take half the processor time of one that has two
    threads, which wait for each other at every layer.
    """

    def __init__(self, settings: EmbedderSettings) -> None:
        """Load the model. Raise ConfigurationError if its folder is missing."""
        model = settings.model or PACKAGED
        self.name = model_name(model)
        self._batch_size = settings.batch_size
        cores = os.cpu_count() or 1
        self.streams = min(MOST_STREAMS, cores)
        torch.set_num_threads(max(1, cores // self.streams))
        precision = torch.bfloat16 if computes_in_bf16(settings.precision) else torch.float32
        self._for_queries = SentenceTransformer(
            str(model_folder(model)), device="cpu", local_files_only=True, model_kwargs={"dtype": precision}
        )
        self._queries = Lock()
        self._free: SimpleQueue[SentenceTransformer] = SimpleQueue()
        for _ in range(self.streams):
            self._free.put(_same_weights(self._for_queries))
        self.dimension = int(self._for_queries.get_embedding_dimension() or 0)
        self.max_tokens = int(self._for_queries.get_max_seq_length() or 0)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 array (len(texts), dimension), L2-normalised, in input order.

        Texts are batched by length, which halves the padding on mixed lengths. What does not fit the
        model is cut from its end: who must not lose text counts tokens first.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        if len(texts) == 1:
            with self._queries:
                return self._encode(self._for_queries, texts)
        stream = self._free.get()
        try:
            return self._encode(stream, texts)
        finally:
            self._free.put(stream)
            _LIBC.malloc_trim(0)  # 1 ms; else 50 MB of a batch's scratch memory stay with this process

    def _encode(self, stream: SentenceTransformer, texts: Sequence[str]) -> Vectors:
        found = stream.encode(list(texts), batch_size=self._batch_size, convert_to_numpy=True, show_progress_bar=False)
        vectors: Vectors = np.asarray(found, dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)  # bf16 norms are 0.998, not 1
        return vectors


def _same_weights(model: SentenceTransformer) -> SentenceTransformer:
    """Return a copy over the same weights, with a tokenizer of its own: two threads must not use one."""
    return deepcopy(model, {id(weight): weight for weight in (*model.parameters(), *model.buffers())})


def computes_in_bf16(precision: str) -> bool:
    """bf16 is 1.8x faster where the CPU has instructions for it and far slower where it has not."""
    if precision != "auto":
        return precision == "bf16"
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.is_file() and "avx512_bf16" in cpuinfo.read_text(encoding="utf-8")
