"""The type of embeddings. Apart from rag.types, so that who only needs a record need not load numpy (13 MB)."""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
