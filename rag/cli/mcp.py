"""`rag mcp`: the command that an assistant on this machine starts, to search and ask."""

from typing import Annotated

import anyio
import typer

from rag.cli.programs import base_url
from rag.settings import load_settings


def mcp(
    url: Annotated[str, typer.Option(help="Address of a service on another machine, https://... as a rule.")] = "",
) -> None:
    """Offer search and ask to an assistant on this machine, over MCP; the assistant starts this command itself."""
    from rag.cli.mcp_relay import relay  # the SDK, not for the other commands

    settings = load_settings()
    anyio.run(relay, (url or base_url(settings)).rstrip("/"), settings.api.key.get_secret_value())
