"""MCP on standard input and output, relayed to /mcp: each request alone, so that the service may be restarted."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import mcp_types as types
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp_types.version import LATEST_MODERN_VERSION

from rag.cli.client import CallFailed

LIMITS = httpx2.Timeout(10.0, read=300.0)  # while it answers, the service sends something every 15 s
Service = Callable[[], AbstractAsyncContextManager[Client]]


async def relay(url: str, key: str) -> None:
    """Serve until standard input ends."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(headers=headers, timeout=LIMITS, event_hooks={"response": [_read_problem]}) as http:
        server = _server(lambda: _service(url, http))
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())


def _server(service: Service) -> Server[Any]:
    async def list_tools(_ctx: ServerRequestContext[Any], _params: Any) -> types.ListToolsResult:
        async with service() as client:
            return await client.list_tools()

    async def call_tool(_ctx: ServerRequestContext[Any], params: types.CallToolRequestParams) -> types.CallToolResult:
        async with service() as client:
            return await client.call_tool(params.name, params.arguments)

    server: Server[Any] = Server("attest", title="Attest", on_list_tools=list_tools, on_call_tool=call_tool)
    server.middleware.clear()  # the SDK's telemetry
    return server


@asynccontextmanager
async def _service(url: str, http: httpx2.AsyncClient) -> AsyncGenerator[Client, None]:
    """Yield a client of the service. What goes wrong comes as an MCPError, out of the SDK's groups of errors."""
    try:
        async with Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=LATEST_MODERN_VERSION) as one:
            yield one
    except (ExceptionGroup, MCPError, CallFailed, httpx2.HTTPError) as exc:
        cause: Exception = exc
        while isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, httpx2.HTTPError):
            cause = CallFailed(f"{url} does not answer. Is it running? `rag up` starts it.")
        raise MCPError(types.INTERNAL_ERROR, cause.detail) if isinstance(cause, CallFailed) else cause from None


async def _read_problem(response: httpx2.Response) -> None:
    """Raise what the API says: the SDK would say that there was an error."""
    if response.headers.get("content-type") == "application/problem+json":
        await response.aread()
        problem = response.json()
        raise CallFailed(f"{problem['title']}: {problem['detail']}")
