"""The embedding model itself: sentence-transformers on this machine's CPU. Only the embedder process loads it."""

import ctypes
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any


def _leave_out(*names: str) -> None:
    """Put empty modules in place of what sentence-transformers and transformers import for evaluators and losses alone.

    Embedding never calls them. scikit-learn, with the pandas it brings, costs 80 MB and 3 s at a start, SciPy 25 MB.
    """
    for name in names:
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        module.__dict__["__getattr__"] = lambda _attribute: None
        sys.modules.setdefault(name, module)


_leave_out("sklearn", "sklearn.metrics", "scipy", "scipy.sparse", "scipy.optimize")
# Kernels compiled for a shape that are kept, by PyTorch in each thread and by oneDNN. Of the thousand that both keep
# otherwise this process holds 1,140 MB after 3,500 passages; with these, and texts padded to few lengths, 500.
KERNELS_KEPT = {"LRU_CACHE_CAPACITY": "64", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}
os.environ.update(KERNELS_KEPT | os.environ)

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from transformers.utils import logging as transformers_logging

from rag.settings import EmbedderSettings
from rag.tokens import PACKAGED, model_folder, model_name
from rag.vectors import Vectors

transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]

MOST_STREAMS = 4
LENGTHS = 16  # tokens; the length of a batch is a multiple of it, for which kernels are compiled once
_LIBC = ctypes.CDLL(None)


class _Shared(SentenceTransformer):
    """A model that several threads use at once: computing changes nothing in it, and they take turns at its tokenizer.

    Tokenizing a batch takes 2 ms where computing it takes 80, so that none waits long.
    """

    _turn = Lock()

    def preprocess(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        with self._turn:
            return super().preprocess(*args, **kwargs)


class Model:
    """A loaded model, to be used by `streams` threads at once, and by queries beside them, one at a time.

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
        self._queries = Lock()
        self._model = _Shared(
            str(model_folder(model)), device="cpu", local_files_only=True, model_kwargs={"dtype": precision}
        )
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.max_tokens = int(self._model.get_max_seq_length() or 0)
        # A length past the model's last position would fail.
        pads = isinstance(self._model[0], Transformer) and self.max_tokens % LENGTHS == 0
        self._padding: dict[str, Any] = {"processing_kwargs": {"text": {"pad_to_multiple_of": LENGTHS}}} if pads else {}

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 array (len(texts), dimension), L2-normalised, in input order.

        Texts are batched by length, which halves the padding on mixed lengths. What does not fit the
        model is cut from its end: who must not lose text counts tokens first.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        if len(texts) == 1:
            with self._queries:
                return self._encode(texts)
        try:
            return self._encode(texts)
        finally:
            _LIBC.malloc_trim(0)  # 1 ms; else 50 MB of a batch's scratch memory stay with this process

    def _encode(self, texts: Sequence[str]) -> Vectors:
        found = self._model.encode(list(texts), batch_size=self._batch_size, show_progress_bar=False, **self._padding)
        vectors: Vectors = np.asarray(found, dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)  # bf16 norms are 0.998, not 1
        return vectors


def computes_in_bf16(precision: str) -> bool:
    """bf16 is 1.8x faster where the CPU has instructions for it and far slower where it has not."""
    if precision != "auto":
        return precision == "bf16"
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.is_file() and "avx512_bf16" in cpuinfo.read_text(encoding="utf-8")
