"""The MCP server at /mcp: streamable HTTP without sessions, with the keys and rights of the rest of the API."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import replace

import mcp_types as types
from anyio.to_thread import run_sync
from mcp.server import Server, ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.answers import Event
from api.auth import allowed, principal
from api.cited import finished
from api.live import Live
from api.mcp_tools import OFFERS, AskArguments, CitedAnswer, Offer, Passage, Passages, SearchArguments
from api.openai_errors import known
from api.schemas import AskRequest, SearchRequest
from api.services import Services
from rag.errors import Forbidden, InvalidRequest
from rag.types import Principal

Context = ServerRequestContext[object, Request]
UNGUARDED = TransportSecuritySettings(enable_dns_rebinding_protection=False)  # `principal` looks at Host and Origin


class McpEndpoint:
    """An ASGI application. `running` has to be entered, once, for as long as it serves."""

    def __init__(self, services: Services, version: str) -> None:
        self._services = services
        self._tools: dict[str, Callable[[Principal, dict[str, object]], Awaitable[BaseModel]]] = {
            "search": self._search,
            "ask": self._ask,
        }
        server = Server(
            "attest",
            title="Attest",
            version=version,
            on_list_tools=self._list,
            on_call_tool=self._call,
            get_tool_input_schema={offer.name: offer.input_schema() for offer in OFFERS}.get,
        )
        server.middleware.clear()  # the SDK's telemetry
        self._manager = StreamableHTTPSessionManager(server, stateless=True, security_settings=UNGUARDED)

    def running(self) -> AbstractAsyncContextManager[None]:
        return self._manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raise Unauthenticated without a valid key, unless it came from this machine, Forbidden to visitors."""
        request = Request(scope, receive)
        request.state.caller = await run_sync(principal, request, self._services)
        if request.state.caller.is_visitor:
            raise Forbidden("A visitor of a site calls no tools.")
        await self._manager.handle_request(scope, receive, send)

    async def _list(self, ctx: Context, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        """List the tools that the key may call."""
        caller = _caller(ctx)
        named = [one.name for one in await run_sync(self._services.collections.all, caller)]
        offered = [offer for offer in OFFERS if offer.scope in caller.scopes or caller.is_admin]
        return types.ListToolsResult(tools=[_tool(offer, offer.described(named)) for offer in offered])

    async def _call(self, ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        """Call a tool. What goes wrong is a result, so that the model can read it and do otherwise."""
        offer = next((offer for offer in OFFERS if offer.name == params.name), None)
        if offer is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name!r}.")
        try:
            caller = allowed(offer.scope)(_caller(ctx))
            result = await self._tools[offer.name](caller, params.arguments or {})
        except ValidationError as exc:
            return _failed(InvalidRequest("; ".join(f"{_place(e['loc'])}{e['msg']}" for e in exc.errors()[:5])))
        except Exception as exc:  # noqa: BLE001  # logged; the caller learns nothing of its cause
            return _failed(exc)
        text = types.TextContent(type="text", text=result.model_dump_json())
        return types.CallToolResult(content=[text], structured_content=result.model_dump(mode="json"))

    async def _search(self, caller: Principal, arguments: dict[str, object]) -> Passages:
        asked = SearchArguments.model_validate(arguments)
        await self._require(asked.collections, caller)
        search = SearchRequest(**asked.model_dump()).record(caller)
        found = await run_sync(self._services.retriever.retrieve, search)
        return Passages(passages=[Passage.of(hit) for hit in found.hits])

    async def _ask(self, caller: Principal, arguments: dict[str, object]) -> CitedAnswer:
        """Answer as `/v1/ask` does, and keep no conversation. A caller who leaves ends it."""
        asked = AskArguments.model_validate(arguments)
        await self._require(asked.collections, caller)
        services = self._services
        question = AskRequest(**asked.model_dump()).record(caller, services.settings.retrieve.top_k)
        question = replace(question, conversation_id=None)
        live: Live[Event] = services.answers.begin(question, services.answerer.answer(question))
        with closing(live.follow()) as reader:
            answer = await finished(live, reader)
        done = answer.done
        return CitedAnswer(
            answer=done.answer,
            abstained=done.abstained,
            citations=answer.citations,
            generator=done.generator,
            trace_id=done.trace_id,
        )

    async def _require(self, collections: list[str] | None, caller: Principal) -> None:
        if collections is not None:
            await run_sync(self._services.registry.require_collections, collections, caller)


def _caller(ctx: Context) -> Principal:
    assert ctx.request is not None  # noqa: S101  # every message comes by HTTP
    caller: Principal = ctx.request.state.caller
    return caller


def _tool(offer: Offer, description: str) -> types.Tool:
    return types.Tool(
        name=offer.name,
        title=offer.title,
        description=description,
        input_schema=offer.input_schema(),
        output_schema=offer.result.model_json_schema(),
        annotations=types.ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )


def _failed(exc: Exception) -> types.CallToolResult:
    error = known(exc)
    text = types.TextContent(type="text", text=f"{error.title}: {error.detail}")
    return types.CallToolResult(content=[text], is_error=True)


def _place(location: tuple[int | str, ...]) -> str:
    return "".join(f"{part}: " for part in location)
