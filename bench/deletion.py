"""A canary word in each of a thousand documents: after a delete it shows nowhere, and then it is really gone."""

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chromadb
import httpx
from sqlalchemy import func, select

from bench.measure import Measure
from bench.service import Service, start, stop, wait_until
from rag.database import connect, transaction
from rag.tables import AuditRow, ChunkRow, DocumentRow, SourceIdRow, TraceDocumentRow, TraceRow, VersionRow

CANARIES = 1000
SYLLABLES = ("ba", "ko", "mi", "ru", "te", "xo", "zi", "pha", "lun", "dor")


@dataclass(kw_only=True)
class Outcome:
    """What was still to be seen after the 204, and what was left after the purge, by document."""

    deleted: int = 0
    not_found_before: list[str] = field(default_factory=list)
    shown_after: list[str] = field(default_factory=list)
    left_after_purge: list[str] = field(default_factory=list)


def run() -> list[Measure]:
    """Delete 1,000 documents, half of them while the worker stands still."""
    with tempfile.TemporaryDirectory() as folder:
        service = start(Path(folder), "--generator", "none")
        try:
            outcome = delete_canaries(service, CANARIES)
        finally:
            stop(service)
    found = outcome.deleted - len(outcome.not_found_before)
    return [
        Measure(name="deletion.found_before", value=found, unit="documents", n=CANARIES, reference=CANARIES),
        Measure(name="deletion.shown_after", value=len(outcome.shown_after), unit="documents", n=CANARIES),
        Measure(name="deletion.left_after_purge", value=len(outcome.left_after_purge), unit="documents", n=CANARIES),
    ]


def delete_canaries(service: Service, canaries: int) -> Outcome:
    """Ingest documents with a word each that is nowhere else, delete them, and look for the words."""
    outcome = Outcome()
    words = {_upload(service, word): word for word in map(_word, range(canaries))}
    for document_id in words:
        service.settled(document_id)
    originals = {document_id: _original(service, document_id) for document_id in words}
    outcome.not_found_before = [key for key, word in words.items() if not _shown(service, word, key)]
    for number, (document_id, word) in enumerate(words.items()):
        if number == canaries // 2:
            service.processes()["worker"].suspend()
        service.http.delete(f"/v1/documents/{document_id}").raise_for_status()
        outcome.deleted += 1
        if _shown(service, word, document_id):
            outcome.shown_after.append(document_id)
    service.processes()["worker"].resume()
    wait_until(lambda: not _unpurged(service), timeout_s=120)
    outcome.left_after_purge = [
        document_id for document_id, path in originals.items() if path.exists() or _is_left(service, document_id)
    ]
    return outcome


def _word(number: int) -> str:
    """Return a word of its own for each number, as no language has it."""
    return "qu" + "".join(SYLLABLES[int(digit)] for digit in f"{number:04}") + "th"


def _upload(service: Service, word: str) -> str:
    text = f"# {word}\n\nThe password of the {word} gate is {word}. Nobody else knows what {word} means."
    answer = service.upload(f"{word}.md", text.encode(), collection="canaries", source_id=f"canary/{word}")
    document_id: str = answer.raise_for_status().json()["id"]
    return document_id


def _shown(service: Service, word: str, document_id: str) -> bool:
    """Tell whether the word or the document is in anything that a reader or a writer may call."""
    calls: list[tuple[str, str, dict[str, Any] | None]] = [
        ("POST", "/v1/search", {"query": f"password of the {word} gate", "collections": ["canaries"]}),
        ("POST", "/v1/ask", {"question": f"What is the password of the {word} gate?", "stream": False}),
        ("GET", f"/v1/documents?q={word}", None),
        *(("GET", f"/v1/documents/{document_id}{part}", None) for part in ("", "/chunks", "/content", "/events")),
    ]
    return any(_tells(service.http.request(method, path, json=body), word) for method, path, body in calls)


def _tells(answer: httpx.Response, word: str) -> bool:
    return answer.is_success and word in json.dumps(answer.text)


def _original(service: Service, document_id: str) -> Path:
    sha256: str = service.http.get(f"/v1/documents/{document_id}").json()["sha256"]
    return service.data / "originals" / sha256[:2] / sha256


def _unpurged(service: Service) -> int:
    return _count(
        service, select(func.count()).where(DocumentRow.deleted_at.is_not(None), DocumentRow.purged_at.is_(None))
    )


def _is_left(service: Service, document_id: str) -> bool:
    """Ask every store for what it has of a document; the registry must say that it was purged."""
    rows = sum(
        _count(service, select(func.count()).where(table.document_id == document_id))
        for table in (ChunkRow, VersionRow, SourceIdRow)
    )
    purged = _count(
        service,
        select(func.count()).where(AuditRow.document_id == document_id, AuditRow.action == "document.purged"),
    )
    quoting = select(TraceDocumentRow.trace_id).where(TraceDocumentRow.document_id == document_id)
    traced = _count(service, select(func.count()).where(TraceRow.id.in_(quoting), TraceRow.text.is_not(None)))
    return bool(rows or traced or _vectors(service, document_id) or not purged)


def _vectors(service: Service, document_id: str) -> int:
    url = httpx.URL(service.processes()["worker"].environ()["RAG_CHROMA_URL"])
    client = chromadb.HttpClient(host=url.host, port=url.port or 8000)
    found = [one.get(where={"document_id": document_id}, include=[]) for one in client.list_collections()]
    return sum(len(vectors["ids"]) for vectors in found)


def _count(service: Service, query: Any) -> int:
    with transaction(connect(service.database_url), writes=False) as session:
        return session.scalar(query) or 0
