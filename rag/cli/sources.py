"""`rag sources`: places that the service reads by itself."""

from typing import Annotated, Any

import typer
from rich.console import Console

from rag.cli.client import Client
from rag.cli.durations import GRACE_S, Grace, seconds
from rag.settings import load_settings

sources_app = typer.Typer(no_args_is_help=True, help="Register web pages, sitemaps, buckets and folders.")
console = Console()


@sources_app.command("add")
def add(
    location: Annotated[str, typer.Argument(help="URL, s3://BUCKET/FOLDER, or a folder on the worker's machine.")],
    kind: Annotated[
        str, typer.Option(help="web, sitemap, bucket or folder; told from the location, if left out.")
    ] = "",
    collection: str = "default",
    every: Annotated[
        float | None, typer.Option(parser=seconds, metavar="DURATION", help="Time between two runs: 30m, 24h, 7d.")
    ] = None,
    grace: Annotated[float, Grace] = GRACE_S,
    depth: Annotated[int, typer.Option(help="Links to follow from a page.")] = 0,
    rate: Annotated[float, typer.Option(help="Most requests a second.")] = 1.0,
    max_pages: int = 1000,
    include: Annotated[list[str] | None, typer.Option(help="Pattern that a URL or path must fit.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Pattern that a URL or path must not fit.")] = None,
    access: Annotated[list[str] | None, typer.Option(help="Group that the documents are for.")] = None,
) -> None:
    """Register a source; it is read at once."""
    options = {
        "depth": depth,
        "rate": rate,
        "max_pages": max_pages,
        "include": include or [],
        "exclude": exclude or [],
    }
    source = {
        "kind": kind or _kind(location),
        "location": location,
        "collection": collection,
        "access": access or [],
        "options": options,
        "interval_s": every,
        "grace_s": grace,
    }
    _show(Client(load_settings()).add_source(source))


@sources_app.command("list")
def list_sources() -> None:
    """Show each source and how its last run ended."""
    for source in Client(load_settings()).sources():
        _show(source)


@sources_app.command("run")
def run(source_id: str) -> None:
    """Read a source now."""
    _show(Client(load_settings()).run_source(source_id))


@sources_app.command("remove")
def remove(
    source_id: str,
    documents: Annotated[str, typer.Option(help="keep or delete its documents.")] = "keep",
) -> None:
    """Forget a source."""
    Client(load_settings()).remove_source(source_id, documents)


def _kind(location: str) -> str:
    if location.startswith("s3://"):
        return "bucket"
    if "://" not in location:
        return "folder"
    return "sitemap" if location.partition("?")[0].endswith((".xml", ".xml.gz")) else "web"


def _show(source: dict[str, Any]) -> None:
    _print(f"{source['id']}  {source['kind']}  {source['location']}  -> {source['collection']}  {source['status']}")
    run = source["last_run"]
    if run is None:
        return
    counts = ", ".join(
        f"{run[name]} {name}" for name in ("new", "changed", "unchanged", "missing", "deleted", "failed") if run[name]
    )
    _print(f"    {run['ended_at']}  {counts or 'nothing there'}{'' if run['complete'] else ' (not all could be read)'}")
    for error in run["errors"]:
        _print(f"    {error['key']}: {error['detail']}")


def _print(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
