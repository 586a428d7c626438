"""`rag up`: from nothing to a service that answers, and back to nothing."""

import json
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from rag.cli.checks import start_checks
from rag.cli.client import Client
from rag.cli.ingest import Job, ingest_jobs, summarise
from rag.cli.programs import DEMO_MODEL, base_url, choose_generator, plan
from rag.cli.supervise import CannotStart, Stopped, running, stop_signals
from rag.errors import ConfigurationError
from rag.settings import Settings

WATCH_EVERY_S = 2.0
EXAMPLES = 3
NOT_DOCUMENTS = {"README.md", "questions.jsonl", "build.py"}


def up(settings: Settings, generator: str, samples: Path | None, console: Console) -> None:
    """Start everything, load the samples, say where it is, and stay until Ctrl-C or a part that gives up."""
    for check in start_checks(settings):
        if not check.ok:
            raise ConfigurationError(f"{check.name}: {check.detail}")
    for folder in ("", "run", "logs"):
        (settings.data_dir / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    prepared = _prepare()
    if not prepared["has_key"]:
        raise ConfigurationError(
            f"RAG_API_HOST is {settings.api.host}, which others can reach, and there is no API key yet. "
            "Make one first: rag keys create administrator --scope admin"
        )
    chosen = choose_generator(generator)
    programs = plan(settings, chosen, prepared["own_model"])
    try:
        with stop_signals(), running(programs, settings.data_dir, console.print) as given_up:
            if samples is not None:
                _load_samples(settings, samples, console)
            _greet(settings, chosen, prepared.get("new_key"), console)
            while (reason := given_up()) is None:
                time.sleep(WATCH_EVERY_S)
            raise CannotStart(reason)
    except Stopped:
        console.print("Stopped.")


def _load_samples(settings: Settings, folder: Path, console: Console) -> None:
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name not in NOT_DOCUMENTS)
    jobs = [Job(path=path) for path in files]
    failed = ingest_jobs(Client(settings), jobs, "default", wait=True, console=console)
    if not console.is_terminal:
        summarise(console, len(jobs), failed, wait=True)
    questions = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()[:EXAMPLES]
    examples = [json.loads(line)["question"] for line in questions]
    (settings.data_dir / "examples.json").write_text(json.dumps(examples), encoding="utf-8")


def _prepare() -> dict[str, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "rag.cli.prepare"],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise CannotStart(f"the registry: {ended.stderr.strip().splitlines()[-1]}")
    prepared: dict[str, str] = json.loads(ended.stdout)
    return prepared


def _greet(settings: Settings, generator: str, new_key: str | None, console: Console) -> None:
    if new_key:
        console.print(f"Administrator's API key, shown only now: {new_key}", soft_wrap=True, highlight=False)
    if generator == "demo" and not settings.generator.is_configured:
        console.print(
            f"Answers are written by {DEMO_MODEL}, a small demonstration model under the Gemma Terms of Use "
            "(https://ai.google.dev/gemma/terms); docs/operate.md shows how to use your own.",
            soft_wrap=True,
        )
    console.print(f"Attest is ready: {base_url(settings)}  (Ctrl-C stops it)", soft_wrap=True)
