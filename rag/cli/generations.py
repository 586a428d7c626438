"""`rag models`: which embedding model answers, and the change to another one without a pause."""

from typing import Annotated, Any

import typer
from rich.console import Console

from rag.cli.client import Client
from rag.settings import load_settings

models_app = typer.Typer(no_args_is_help=True, help="The embedding models of the index: change one without a pause.")
console = Console()


@models_app.command("list")
def list_models() -> None:
    """Show every generation of the index and how far it is filled."""
    _show(Client(load_settings()).call("GET", "/v1/generations"))


@models_app.command()
def build(
    model: Annotated[str, typer.Argument(help="Its folder, or the name under which the engine serves it.")],
    url: Annotated[str, typer.Option(help="OpenAI-compatible embeddings URL, ending in /v1.")],
    query_prefix: Annotated[str, typer.Option(help="What the model wants before a question.")] = "",
    passage_prefix: Annotated[str, typer.Option(help="What the model wants before a passage.")] = "",
    send_input_type: Annotated[bool, typer.Option(help="Tell the engine `query` or `passage` as input_type.")] = False,
) -> None:
    """Fill a new generation in the background, while the one that serves goes on."""
    body = {
        "model": model,
        "url": url,
        "query_prefix": query_prefix,
        "passage_prefix": passage_prefix,
        "send_input_type": send_input_type,
    }
    _show(Client(load_settings()).call("POST", "/v1/generations", json=body))


@models_app.command()
def switch(generation: int) -> None:
    """Answer from a generation from now on. Refused until it holds every document."""
    _show(Client(load_settings()).call("POST", f"/v1/generations/{generation}/switch"))


@models_app.command()
def back() -> None:
    """Answer from the generation before again."""
    _show(Client(load_settings()).call("POST", "/v1/generations/back"))


@models_app.command()
def drop(generation: int) -> None:
    """Remove a generation that does not serve, with its vectors."""
    Client(load_settings()).call("DELETE", f"/v1/generations/{generation}")


def _show(generations: list[dict[str, Any]]) -> None:
    for one in generations:
        progress = f"{one['progress']['done']} of {one['progress']['total']} documents"
        failed = f", {one['failed']} cannot be embedded" if one["failed"] else ""
        line = f"{one['id']}  {one['state']:8}  {one['model']} ({one['dimension']})  {progress}{failed}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
