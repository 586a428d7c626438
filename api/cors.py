"""Which pages of other origins a browser lets read our answers: those of sites, of the routes for their visitors.

Pure ASGI: streams pass through unbuffered. Everything else is denied by saying nothing.
"""

import re
import time
from collections.abc import Callable

from anyio.to_thread import run_sync
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response
from rag.errors import OriginNotAllowed, RegistryUnavailable

ORIGINS_KEPT_S = 3.0
PREFLIGHT_KEPT_S = 600
REQUEST_HEADERS = "Authorization, Content-Type, Last-Event-ID"
EXPOSED = "Retry-After"
FOR_VISITORS = (
    ("POST", re.compile(r"/v1/(sessions|ask|feedback)")),
    ("GET", re.compile(r"/v1/me")),
    ("GET", re.compile(r"/v1/documents/[^/]+/(text|content|highlights|pages/[^/]+)")),
)
FOR_ALL_PAGES = re.compile(r"/widget\.js|/static/.+")
OWN_WORDS = "/static/examples.json"  # written from documents


class Cors:
    """Answer preflights, and let pages read what is for them. `origins` reads those of the enabled sites."""

    def __init__(self, app: ASGIApp, origins: Callable[[], frozenset[str]]) -> None:
        self._app, self._read = app, origins
        self._origins, self._read_at = frozenset[str](), float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        method = next((method for method, path in FOR_VISITORS if path.fullmatch(scope["path"])), None)
        if method is None:
            is_public = FOR_ALL_PAGES.fullmatch(scope["path"]) and scope["path"] != OWN_WORDS
            added = {"Access-Control-Allow-Origin": "*"} if is_public else {}
            return await self._app(scope, receive, _adding(added, send))
        sent = Headers(scope=scope).getlist("origin")
        origin = sent[0] if len(sent) == 1 and await self._is_listed(sent[0]) else None
        added = {"Vary": "Origin"}
        if origin:
            added |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}
        wanted = Headers(scope=scope).get("access-control-request-method")
        if scope["method"] == "OPTIONS" and sent and wanted:
            return await _preflight(origin, method, wanted)(scope, receive, _adding(added, send))
        await self._app(scope, receive, _adding(added, send))

    async def _is_listed(self, origin: str) -> bool:
        """Tell whether an enabled site lists the origin, as of a few seconds ago; no while the registry is away."""
        if time.monotonic() - self._read_at > ORIGINS_KEPT_S:
            try:
                self._origins = await run_sync(self._read)
            except RegistryUnavailable:
                return False
            self._read_at = time.monotonic()
        return origin in self._origins


def _preflight(origin: str | None, method: str, wanted: str) -> Response:
    if origin is None or wanted != method:
        return problem_response(OriginNotAllowed("No enabled site lists this origin, or the method is another one."))
    allowed = {"Access-Control-Allow-Methods": method, "Access-Control-Allow-Headers": REQUEST_HEADERS}
    return Response(status_code=204, headers=allowed | {"Access-Control-Max-Age": str(PREFLIGHT_KEPT_S)})


def _adding(added: dict[str, str], send: Send) -> Send:
    """Return `send` with these headers; `Vary` joins what is there."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in added.items():
                if name == "Vary":
                    headers.add_vary_header(value)
                else:
                    headers[name] = value
        await send(message)

    return with_headers if added else send
