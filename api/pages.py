"""The pages that people open: the chat, the console, the view of a citation; and the widget. All are static."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
REVALIDATE = {"Cache-Control": "no-cache"}  # a page of one release must not run with the scripts of another
FOR_ANY_PAGE = {"Cross-Origin-Resource-Policy": "cross-origin"}  # `api.cors` lets scripts read them
WIDGET_HEADERS = FOR_ANY_PAGE | {"Cache-Control": "public, max-age=300"}


class SharedFiles(StaticFiles):
    """Files that any page may load, as the widget's are."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(FOR_ANY_PAGE | REVALIDATE)
        return response


def install_pages(app: FastAPI, data_dir: Path) -> None:
    """Serve the pages, their files under /static, and the example questions written to `data_dir`."""

    @app.get("/", include_in_schema=False)
    def chat_page() -> FileResponse:
        return FileResponse(STATIC / "chat" / "index.html", headers=REVALIDATE)

    @app.get("/console", include_in_schema=False)
    @app.get("/console/{path:path}", include_in_schema=False)
    def console_page(path: str = "") -> FileResponse:
        del path  # the page's script reads it
        return FileResponse(STATIC / "console" / "index.html", headers=REVALIDATE)

    @app.get("/view", include_in_schema=False)
    def view_page() -> FileResponse:
        return FileResponse(STATIC / "view" / "index.html", headers=REVALIDATE)

    @app.get("/static/examples.json", include_in_schema=False)
    def examples() -> FileResponse:
        written = data_dir / "examples.json"
        return FileResponse(written if written.is_file() else STATIC / "no-examples.json")

    app.router.routes.append(Route("/widget.js", GZipMiddleware(_widget), methods=["GET"]))
    app.mount("/static", GZipMiddleware(SharedFiles(directory=STATIC)), name="static")


async def _widget(scope: Scope, receive: Receive, send: Send) -> None:
    await FileResponse(STATIC / "widget.js", headers=WIDGET_HEADERS)(scope, receive, send)
