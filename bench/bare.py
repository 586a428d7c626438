"""sentence-transformers as it comes: all cores, bf16, batches of 32, sorted by length.

Run as `python -m bench.bare MODEL_FOLDER`, with the texts as a JSON list on standard input; prints the seconds. It
imports nothing of ours, so that no setting of our embedder speeds it up or slows it down.
"""

import json
import os
import sys
import time

import torch
from sentence_transformers import SentenceTransformer

if __name__ == "__main__":
    texts = json.load(sys.stdin)
    torch.set_num_threads(os.cpu_count() or 1)
    model = SentenceTransformer(
        sys.argv[1], device="cpu", local_files_only=True, model_kwargs={"dtype": torch.bfloat16}
    )
    model.encode(texts[:32], show_progress_bar=False)
    started = time.perf_counter()
    model.encode(texts, batch_size=32, show_progress_bar=False)
    print(time.perf_counter() - started)  # noqa: T201  # its answer
