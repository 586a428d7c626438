"""The embedding model itself: sentence-transformers on this machine's CPU. Only the embedder process loads it."""

import ctypes
import sys
from collections.abc import Sequence
from copy import deepcopy
from importlib.machinery import ModuleSpec
from pathlib import Path
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

_LIBC = ctypes.CDLL(None)


class Model:
    """A loaded model. Long batches wait for each other; a single text, a query, never waits for them."""

    def __init__(self, settings: EmbedderSettings) -> None:
        """Load the model. Raise ConfigurationError if its folder is missing."""
        model = settings.model or PACKAGED
        self.name = model_name(model)
        self._batch_size = settings.batch_size
        precision = torch.bfloat16 if _computes_in_bf16(settings.precision) else torch.float32
        self._for_batches = SentenceTransformer(
            str(model_folder(model)),
            device="cpu",
            local_files_only=True,
            model_kwargs={"dtype": precision},
        )
        # The same weights with a tokenizer of its own: one tokenizer must not be used by two threads at once.
        shared = {id(weight): weight for weight in (*self._for_batches.parameters(), *self._for_batches.buffers())}
        self._for_queries = deepcopy(self._for_batches, shared)
        self._batches, self._queries = Lock(), Lock()
        self.dimension = int(self._for_batches.get_embedding_dimension() or 0)
        self.max_tokens = int(self._for_batches.get_max_seq_length() or 0)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 array (len(texts), dimension), L2-normalised, in input order.

        Texts are batched by length, which halves the padding on mixed lengths. What does not fit the
        model is cut from its end: who must not lose text counts tokens first.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        lock, model = (self._queries, self._for_queries) if len(texts) == 1 else (self._batches, self._for_batches)
        with lock:
            found = model.encode(
                list(texts), batch_size=self._batch_size, convert_to_numpy=True, show_progress_bar=False
            )
        if len(texts) > 1:
            _LIBC.malloc_trim(0)  # 1 ms; else 50 MB of a batch's scratch memory stay with this process
        vectors: Vectors = np.asarray(found, dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)  # bf16 norms are 0.998, not 1
        return vectors


def _computes_in_bf16(precision: str) -> bool:
    """bf16 is 1.8x faster where the CPU has instructions for it and far slower where it has not."""
    if precision != "auto":
        return precision == "bf16"
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.is_file() and "avx512_bf16" in cpuinfo.read_text(encoding="utf-8")
