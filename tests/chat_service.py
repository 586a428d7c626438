"""The chat's own files as the service serves them, over a written conversation: what is said, how fast, what fails.

For what a real service does not do when it is asked to: break off, refuse, write any text at any pace.
"""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from api.app import create_app
from bench.service import free_port
from rag.settings import Settings

HOUR_S = 3600


def source(
    n: int, text: str, *, title: str = "Leave rules", page: int | None = 3, section: str = "Leave"
) -> dict[str, Any]:
    place = {"document_id": f"d{n}", "version": 1, "title": title, "page": page, "section": section}
    return {"n": n, "text": text, "start": 10, "end": 10 + len(text), "score": 1.0, **place}


def citation(n: int, quote: str, *, supported: bool = True) -> dict[str, Any]:
    return {
        "n": n,
        "document_id": f"d{n}",
        "version": 1,
        "start": 12,
        "end": 20,
        "quote": quote,
        "supported": supported,
    }


@dataclass(kw_only=True)
class Written:
    """What the service says; a test may change it meanwhile. `asked` has all that it was sent, oldest first.

    An answer breaks off after `breaks_after` events, once. `problem` is a status with a type, in place of an answer.
    """

    words: tuple[str, ...] = ("Everyone has ", "**six days** ", "of leave [1].")
    sources: list[dict[str, Any]] = field(
        default_factory=lambda: [source(1, "In all, everyone has six days of leave.")]
    )
    citations: list[dict[str, Any]] = field(default_factory=lambda: [citation(1, "six days of leave")])
    done: dict[str, Any] = field(default_factory=dict)
    word_s: float = 0.0
    breaks_after: int | None = None
    problem: tuple[int, str] | None = None
    detail: str = "As written."
    refused: int | None = None
    documents: list[dict[str, Any]] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    def events(self) -> list[tuple[str, Any]]:
        end = {
            "answer": "".join(self.words),
            "abstained": False,
            "citations": self.citations,
            "generator": "small-model",
        }
        done = end | {"trace_id": "t1", "conversation_id": "c1"} | self.done
        words = [("token", {"text": word}) for word in self.words]
        cited = [("citation", one) for one in self.citations]
        return [("sources", {"sources": self.sources}), *words, *cited, ("done", done)]

    async def frames(self, after: int) -> AsyncIterator[str]:
        for number, (event, data) in enumerate(self.events()[after:], after + 1):
            await asyncio.sleep(self.word_s if event == "token" else 0)
            if self.breaks_after is not None and number > self.breaks_after:
                self.breaks_after = None
                await asyncio.sleep(0.2)  # what came before has been read
                raise ConnectionError("as written")
            yield f"id: t1-{number}\nevent: {event}\ndata: {json.dumps(data)}\n\n"


def written_app(written: Written) -> ASGIApp:
    async def note(request: Request) -> None:
        written.asked.append((request.url.path, dict(request.headers), await request.json()))

    async def sessions(request: Request) -> Response:
        await note(request)
        if written.refused:
            return _problem(written.refused, "forbidden", written.detail)
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + HOUR_S))
        token = f"vs_{written.paths.count('/v1/sessions')}"
        return JSONResponse({"token": token, "expires_at": expires, "questions_left": 9}, 201)

    async def ask(request: Request) -> Response:
        await note(request)
        if request.headers.get("Authorization") in written.expired:
            return _problem(401, "unauthenticated", written.detail)
        if written.problem:
            return _problem(*written.problem, written.detail)
        after = int(request.headers.get("Last-Event-ID", "-0").split("-")[1])
        return StreamingResponse(written.frames(after), media_type="text/event-stream")

    async def feedback(request: Request) -> Response:
        await note(request)
        return Response(status_code=204)

    async def documents(_request: Request) -> Response:
        return JSONResponse({"documents": written.documents, "next_cursor": None})

    routes = {"/v1/sessions": sessions, "/v1/ask": ask, "/v1/feedback": feedback}
    headers = ["Authorization", "Content-Type", "Last-Event-ID"]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["POST"],
        allow_headers=headers,
        expose_headers=["Retry-After"],
    )
    posts = [Route(path, answer, methods=["POST"]) for path, answer in routes.items()]
    ready = Route("/readyz", lambda _request: JSONResponse({"status": "ok", "checks": {}}))
    pages = Mount("/", create_app(Settings()))
    return Starlette(routes=[*posts, Route("/v1/documents", documents), ready, pages], middleware=[cors])


def _problem(status: int, kind: str, detail: str) -> Response:
    body = {"type": kind, "title": "No", "status": status, "detail": detail}
    return JSONResponse(body, status, {"Retry-After": "60"}, media_type="application/problem+json")


def site_app(pages: dict[str, tuple[str, dict[str, str]]]) -> ASGIApp:
    """A site of someone else: `pages` are HTML and headers by path, and may change."""

    async def page(request: Request) -> Response:
        html, headers = pages.get(request.url.path, ("", {}))
        return HTMLResponse(html, 200 if html else 404, headers)

    return Starlette(routes=[Route("/{path:path}", page)])


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve an app on a free port of the loopback address and give its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
