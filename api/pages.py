"""The pages that people open: the chat, the console and the view that a citation leads to. Their files are static."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
REVALIDATE = {"Cache-Control": "no-cache"}  # a page of one release must not run with the scripts of another


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

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
