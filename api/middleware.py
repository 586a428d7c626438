"""Pure ASGI layers around the app: body limits and security headers. Streams pass through unbuffered."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response
from rag.errors import DocumentTooLarge, RequestTooLarge

MAX_JSON_BYTES = 2_000_000
MULTIPART_BYTES = 100_000  # what the form adds to the file
UPLOADS = "/v1/documents"
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


class BodyLimit:
    """Refuse a body over its route's limit: by its declared length at once, else when it passes the limit."""

    def __init__(self, app: ASGIApp, max_upload_bytes: int) -> None:
        self._app = app
        self._max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        is_upload = scope["path"] == UPLOADS
        limit = self._max_upload_bytes + MULTIPART_BYTES if is_upload else MAX_JSON_BYTES
        error = (
            DocumentTooLarge(f"The limit is {self._max_upload_bytes:,} bytes. Split the document.")
            if is_upload
            else RequestTooLarge(f"The limit is {MAX_JSON_BYTES:,} bytes.")
        )
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if int(declared) > limit if declared.isdigit() else True:
            return await problem_response(error)(scope, receive, send)
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise error
            return message

        async def unless_exceeded(message: Message) -> None:
            if received <= limit:  # else the app answers that it could not read the body
                await send(message)

        try:
            await self._app(scope, counted, unless_exceeded)
        finally:
            if received > limit:
                await problem_response(error)(scope, receive, send)


class SecurityHeaders:
    """Add the headers that keep a page's content from doing more than it should."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", PAGE_POLICY)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
            await send(message)

        await self._app(scope, receive, with_headers)
