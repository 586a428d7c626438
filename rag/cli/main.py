"""The commands of `rag`. Exit codes: 0 done, 1 failed with a reason on stderr, 2 usage."""

import importlib
import inspect
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from rag.cli.cases import cases_app
from rag.cli.checks import all_checks
from rag.cli.client import Client
from rag.cli.durations import GRACE_S, Grace
from rag.cli.evaluate import evaluate
from rag.cli.explain import print_candidates, print_trace
from rag.cli.folders import Request, ingest_paths
from rag.cli.generations import models_app
from rag.cli.mcp import mcp
from rag.cli.questions import questions
from rag.cli.sources import sources_app
from rag.cli.up import up as start_everything
from rag.errors import RagError
from rag.settings import load_settings
from rag.types import Scope

if TYPE_CHECKING:
    from rag.keys import Keys

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
keys_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")
app.add_typer(keys_app, name="keys")
app.add_typer(models_app, name="models")
app.add_typer(sources_app, name="sources")
app.add_typer(cases_app, name="cases")
app.command("eval")(evaluate)
app.command("mcp")(mcp)
app.command("questions")(questions)
console = Console()
errors = Console(stderr=True)


@app.command()
def up(
    generator: Annotated[str, typer.Option(help="auto, demo, vllm, vllm-cpu or none.")] = "auto",
    samples: Annotated[Path | None, typer.Option(help="Folder of documents to load at the start.")] = None,
) -> None:
    """Start the whole service on this machine; Ctrl-C stops it."""
    start_everything(load_settings(), generator, samples, console)


@app.command()
def serve() -> None:
    """Run the API alone, after bringing the registry's schema up to date."""
    from api.__main__ import serve as serve_api  # not for the other commands

    serve_api()


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True)],
    collection: str = "default",
    wait: Annotated[bool, typer.Option(help="Return when all are searchable or failed.")] = False,
    name: Annotated[str, typer.Option("--as", help="Name that the folder is known by; its own, if left out.")] = "",
    prune: Annotated[
        bool, typer.Option(help="Delete documents of files that are gone for longer than --grace.")
    ] = False,
    watch: Annotated[
        bool, typer.Option(help="Stay, and do the same whenever something changes; implies --prune.")
    ] = False,
    grace: Annotated[float, Grace] = GRACE_S,
) -> None:
    """Upload files and folders; of a folder only what the service does not have as it is."""
    request = Request(
        paths=paths, collection=collection, name=name, wait=wait, prune=prune or watch, watch=watch, grace_s=grace
    )
    if ingest_paths(Client(load_settings()), request, console):
        raise typer.Exit(1)


@app.command()
def search(
    text: str,
    top_k: int = 10,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show, too, what else was considered, and why not.")
    ] = False,
) -> None:
    """Show the passages closest to a text."""
    found = Client(load_settings()).search(text, top_k, explain=explain)
    for hit in found["hits"]:
        place = f"page {hit['page']}" if hit["page"] else hit["section"] or ""
        console.print(f"{hit['score']:.3f}  {hit['title']}  {place}", style="bold", markup=False)
        console.print(" ".join(hit["text"].split()), markup=False)
    if explain:
        print_candidates(console, found["candidates"])


@app.command()
def ask(
    text: str,
    explain: Annotated[bool, typer.Option("--explain", help="Show, too, how the answer came about.")] = False,
) -> None:
    """Ask a question and show the cited answer as it is written."""
    streamed, titles = "", {}
    for event, data in Client(load_settings()).ask(text, explain=explain):
        if event == "sources":
            titles = {source["n"]: source["title"] for source in data["sources"]}
        elif event == "token":
            streamed += data["text"]
            console.print(data["text"], end="", markup=False, highlight=False, soft_wrap=True)
        elif event == "error":
            raise RagError(f"{data['title']}: {data['detail']}")
        elif event == "done":
            if data["answer"].strip() != streamed.strip():
                console.print(
                    ("\n" if streamed else "") + data["answer"], markup=False, highlight=False, soft_wrap=True
                )
            else:
                console.print()
            for line in dict.fromkeys(_cited(citation, titles) for citation in data["citations"]):
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            console.print(f"generator: {data['generator']}", markup=False)
            if data["trace"]:
                print_trace(console, data["trace"])


@app.command()
def trace(trace_id: str) -> None:
    """Show how an earlier answer came about."""
    print_trace(console, Client(load_settings()).call("GET", f"/v1/traces/{trace_id}"))


def _cited(citation: dict[str, Any], titles: dict[int, str]) -> str:
    page = f", page {citation['page']}" if citation["page"] else ""
    verdict = "" if citation["supported"] else " (not verified)"
    return f"[{citation['n']}] {titles.get(citation['n'], citation['document_id'])}{page}{verdict}"


@app.command()
def doctor() -> None:
    """Say what this machine has and lacks, and how the service on it is."""
    from rag.cli.parts import part_checks  # SQLAlchemy and Celery, not for the other commands

    settings = load_settings()
    checks = [*all_checks(settings), *part_checks(settings)]
    for check in checks:
        mark = {True: "ok  ", False: "FAIL", None: "-   "}[check.ok]
        console.print(f"{mark} {check.name}: {check.detail}", markup=False, soft_wrap=True)
    try:
        state = Client(settings).ready()
        for name, part in state["checks"].items():
            engines = [" ".join(map(str, engine.values())) for engine in part.pop("engines", [])]
            console.print(
                f"     {name}: {', '.join([' '.join(part.values()), *engines])}", markup=False, soft_wrap=True
            )
    except RagError as exc:
        console.print(f"-    service: {exc.detail}", markup=False, soft_wrap=True)
    if any(check.ok is False for check in checks):
        raise typer.Exit(1)


@app.command()
def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="ingest, ask, memory, startup: these, if none is named; or another file of bench/."),
    ] = None,
    docs: Annotated[
        Path | None, typer.Option(exists=True, help="Folder of documents, for those that want one.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
) -> None:
    """Measure this machine, each figure beside its limit; needs a checkout, and nothing else running."""
    chosen = names or ["startup", "memory", "ingest", "ask"]
    figures = []
    for name in chosen:
        run = importlib.import_module(f"bench.{name}").run
        for measure in run(docs) if docs and "docs" in inspect.signature(run).parameters else run():
            figures.append(measure.as_json())
            console.print(
                " ".join(f"{key}={value}" for key, value in figures[-1].items()), markup=False, soft_wrap=True
            )
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2), encoding="utf-8")


@app.command()
def openapi() -> None:
    """Print the API's OpenAPI document."""
    from api.app import create_app  # heavy

    print(json.dumps(create_app(load_settings()).openapi(), indent=2))  # noqa: T201


@keys_app.command("create")
def create_key(
    name: str,
    scope: Annotated[list[Scope], typer.Option(help="May be given several times.")],
    group: Annotated[list[str] | None, typer.Option(help="Group whose documents it may see.")] = None,
) -> None:
    """Make an API key and print it once."""
    print(_keys().create(name, scope, group or []))  # noqa: T201


@keys_app.command("list")
def list_keys() -> None:
    """List the keys, never their values."""
    for key in _keys().list():
        state = "revoked" if key.revoked else " ".join(key.scopes)
        used = (
            f"used {datetime.fromtimestamp(key.last_used_at, UTC):%Y-%m-%d %H:%M} UTC"
            if key.last_used_at
            else "never used"
        )
        console.print(f"{key.id}  {key.name}  {state}  {' '.join(key.groups)}  {used}", markup=False)


@keys_app.command("revoke")
def revoke_key(key_id: str) -> None:
    """End a key at once."""
    _keys().revoke(key_id)


def _keys() -> "Keys":
    from rag.database import connect, migrate  # SQLAlchemy and Alembic, not for the other commands
    from rag.keys import Keys

    settings = load_settings()
    migrate(settings.database_url)
    return Keys(connect(settings.database_url))


def main() -> None:
    """Run a command; an error of ours is one line on stderr and exit code 1."""
    try:
        app()
    except RagError as exc:
        errors.print(f"{exc.title}: {exc.detail}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
