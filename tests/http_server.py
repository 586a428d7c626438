"""A real local HTTP server for clients under test: it answers as the test says and keeps what it was sent."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Exchange"], None]


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request, and the means to answer it."""

    handler: BaseHTTPRequestHandler
    path: str
    headers: dict[str, str]
    body: Any

    def send_json(self, body: Any, status: int = 200) -> None:
        content = json.dumps(body).encode()
        self.start(status, "application/json", {"Content-Length": str(len(content))})
        self.handler.wfile.write(content)

    def start(self, status: int, content_type: str, headers: dict[str, str] | None = None) -> None:
        self.handler.send_response(status)
        for name, value in {"Content-Type": content_type, "Connection": "close", **(headers or {})}.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()

    def send_chunk(self, content: bytes) -> None:
        """Send one chunk of a chunked body; an empty one ends it."""
        self.handler.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.handler.wfile.flush()


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server; `seen` holds its requests, `ending` is set when the test is over."""

    url: str
    seen: list[Exchange] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(answers: dict[str, Answer], tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Server]:
    """Serve these paths on a port of the loopback address, by default a free one."""
    listening = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    if tls is not None:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
    listening.answers, listening.daemon_threads = answers, True  # type: ignore[attr-defined]
    server = Server(url=f"http://127.0.0.1:{listening.server_port}/v1")
    listening.server = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *_: Any) -> None:
        """Keep the test's output clean."""

    def _answer(self, body: Any) -> None:
        self.close_connection = True
        serving: Any = self.server
        exchange = Exchange(handler=self, path=self.path, headers=dict(self.headers), body=body)
        serving.server.seen.append(exchange)
        with suppress(ConnectionError):  # the client left
            serving.answers[self.path](exchange)
