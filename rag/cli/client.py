"""Calls to the API for the command line, and its errors as one line."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import connect_sse

from rag.cli.programs import base_url
from rag.errors import RagError
from rag.settings import Settings


class CallFailed(RagError):
    """The API did not answer, or answered with a problem."""

    type = "call-failed"
    title = "The service could not do it"

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.status = status

    @property
    def is_final(self) -> bool:
        """Whether the same call would be refused again."""
        return self.status is not None and 400 <= self.status < 500 and self.status != 429


class Client:
    """The API as the command line uses it."""

    def __init__(self, settings: Settings) -> None:
        key = settings.api.key.get_secret_value()
        self._http = httpx.Client(
            base_url=base_url(settings), headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=120
        )

    def close(self) -> None:
        self._http.close()

    def upload(self, path: Path, collection: str, source_id: str | None = None) -> dict[str, Any]:
        """Send a file; return the document."""
        with path.open("rb") as file, self._translated():
            form = {"collection": collection} | ({"source_id": source_id} if source_id else {})
            return self._json(self._http.post("/v1/documents", files={"file": (path.name, file)}, data=form))

    def document(self, document_id: str) -> dict[str, Any]:
        with self._translated():
            return self._json(self._http.get(f"/v1/documents/{document_id}"))

    def call(self, method: str, path: str, json: dict[str, Any] | None = None) -> Any:
        """Return the answer's JSON; None if it has no body."""
        with self._translated():
            response = self._http.request(method, path, json=json)
            return self._json(response) if response.content else None

    def documents(self, collection: str, source_prefix: str) -> Iterator[dict[str, Any]]:
        """Yield the documents whose `source_id` begins so."""
        asked = {"collection": collection, "source_prefix": source_prefix, "limit": "500"}
        while True:
            with self._translated():
                page = self._json(self._http.get("/v1/documents", params=asked))
            yield from page["documents"]
            if page["next_cursor"] is None:
                return
            asked["cursor"] = page["next_cursor"]

    def report_missing(self, collection: str, prefix: str, source_ids: Sequence[str], grace_s: float) -> list[str]:
        """Say what is missing under `prefix`; return the ids of the documents that were deleted for it."""
        report = {"collection": collection, "prefix": prefix, "source_ids": list(source_ids), "grace_s": grace_s}
        with self._translated():
            deleted: list[str] = self._json(self._http.post("/v1/documents/missing", json=report))["deleted"]
            return deleted

    def sources(self) -> list[dict[str, Any]]:
        with self._translated():
            found: list[dict[str, Any]] = self._json(self._http.get("/v1/sources"))["sources"]
            return found

    def add_source(self, source: dict[str, Any]) -> dict[str, Any]:
        with self._translated():
            return self._json(self._http.post("/v1/sources", json=source))

    def run_source(self, source_id: str) -> dict[str, Any]:
        with self._translated():
            return self._json(self._http.post(f"/v1/sources/{source_id}/run"))

    def remove_source(self, source_id: str, documents: str) -> None:
        with self._translated():
            response = self._http.delete(f"/v1/sources/{source_id}", params={"documents": documents})
            if response.is_error:
                self._json(response)

    def search(self, query: str, top_k: int, **more: Any) -> dict[str, Any]:
        """Return the API's answer; `more` are fields of its request, None for those to leave out."""
        body = {"query": query, "top_k": top_k} | {name: value for name, value in more.items() if value is not None}
        with self._translated():
            return self._json(self._http.post("/v1/search", json=body))

    def ask(self, question: str, **more: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the answer's events as (name, data); `more` are fields of the request."""
        with (
            self._translated(),
            connect_sse(self._http, "POST", "/v1/ask", json={"question": question} | more) as source,
        ):
            if source.response.is_error:
                source.response.read()
                self._json(source.response)
            for event in source.iter_sse():
                yield event.event, json.loads(event.data)

    def ready(self) -> dict[str, Any]:
        """Return the state of the service's parts."""
        with self._translated():
            state: dict[str, Any] = self._http.get("/readyz").json()
            return state

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        body: dict[str, Any] = response.json()
        if response.is_error:
            raise CallFailed(
                f"{body.get('title', response.status_code)}: {body.get('detail', '')}", response.status_code
            )
        return body

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as exc:
            raise CallFailed(f"{self._http.base_url} does not answer. Is it running? `rag up` starts it.") from exc
