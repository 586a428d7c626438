"""The type of embeddings. Apart from rag.types, so that who only needs a record need not load numpy (13 MB)."""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def normalised(vectors: Vectors) -> Vectors:
    """Return them with a length of 1 each: (dim,) or (n, dim)."""
    lengths: Vectors = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / lengths
