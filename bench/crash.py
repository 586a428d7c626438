"""Processes killed at random moments while documents come in: nothing is lost, doubled or stuck."""

import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import chromadb
import httpx
from sqlalchemy import select

from bench.measure import Measure
from bench.service import Service, start, stop, wait_until
from rag.database import connect, transaction
from rag.tables import ChunkRow, DocumentRow, GenerationRow, VersionRow, WorkRow

DOCUMENTS, KILLS, SEED = 1000, 60, 20261125
VICTIMS = ("worker", "redis", "chroma", "api")
BROKEN_EVERY = 50  # a document that cannot be read, so that failing is tried, too
WORDS = (Path(__file__).parents[1] / "samples/travel-and-expenses.md").read_text(encoding="utf-8").split()


@dataclass(kw_only=True)
class Outcome:
    """What came of a disturbed run, beside an undisturbed one."""

    accepted: int = 0
    kills: int = 0
    unsettled: list[str] = field(default_factory=list)
    without_reason: list[str] = field(default_factory=list)
    missing: int = 0
    doubled: int = 0
    differing: list[str] = field(default_factory=list)
    longest_pause_s: float = 0.0
    settled_after_s: float = 0.0


def run() -> list[Measure]:
    """Ingest 1,000 documents in peace, then again while a process is killed every few seconds."""
    outcome = disturb(DOCUMENTS, KILLS, random.Random(SEED))  # noqa: S311  # reproducible, not secret
    kept = outcome.accepted - len(outcome.unsettled) - len(outcome.without_reason)
    note = f"{outcome.kills} kills of {', '.join(VICTIMS)}; every kill of redis loses the broker's data whole"
    return [
        Measure(
            name="crash.ended", value=kept, unit="documents", n=outcome.kills, reference=outcome.accepted, note=note
        ),
        Measure(name="crash.chunks.missing", value=outcome.missing, unit="chunks", n=outcome.kills),
        Measure(name="crash.chunks.doubled", value=outcome.doubled, unit="chunks", n=outcome.kills),
        Measure(name="crash.documents.differing", value=len(outcome.differing), unit="documents", n=outcome.kills),
        Measure(
            name="crash.longest_pause",
            value=outcome.longest_pause_s,
            unit="s",
            n=outcome.kills,
            reference=60.0,
            note="after the last upload and kill: longest time without a document ending while some waited",
        ),
        Measure(name="crash.last_kill_to_all_settled", value=outcome.settled_after_s, unit="s", n=1, reference=60.0),
    ]


def disturb(documents: int, kills: int, dice: random.Random, **settings: str) -> Outcome:
    """Return what came of `documents` uploads during which `kills` processes were killed."""
    files = dict(_file(number, dice) for number in range(documents))
    with tempfile.TemporaryDirectory() as folder:
        calm = _ingest_in_peace(Path(folder) / "calm", files, settings)
        outcome = Outcome()
        service = start(Path(folder) / "stormy", "--generator", "none", port=None, **settings)
        try:
            storm = _Storm(service, kills, dice, outcome)
            with storm:
                ids = [_upload(service, name, content) for name, content in files.items() if storm.pace(documents)]
            outcome.accepted = len(ids)
            _wait_for_all(service, ids, outcome)
            _compare(service, calm, outcome)
        finally:
            stop(service)
    return outcome


def _file(number: int, dice: random.Random) -> tuple[str, bytes]:
    """Return a note of one chunk to some ten, or a file that cannot be read."""
    if number % BROKEN_EVERY == BROKEN_EVERY - 1:
        return f"note-{number:04}.docx", b"PK\x03\x04" + f"cut off {number}".encode()
    paragraphs = [" ".join(dice.choices(WORDS, k=60)) for _ in range(dice.choice([1, 2, 3, 5, 8, 13]))]
    return f"note-{number:04}.md", "\n\n".join([f"# Note {number}", *paragraphs]).encode()


def _ingest_in_peace(data: Path, files: dict[str, bytes], settings: dict[str, str]) -> dict[str, list[str]]:
    """Return each file's chunks as they are without any disturbance."""
    service = start(data, "--generator", "none", port=None, **settings)
    try:
        ids = [_upload(service, name, content) for name, content in files.items()]
        _wait_for_all(service, ids, Outcome())
        return _chunks(service)
    finally:
        stop(service)


class _Storm:
    """Kills a random process again and again until it has killed enough."""

    def __init__(self, service: Service, kills: int, dice: random.Random, outcome: Outcome) -> None:
        self._service, self._kills, self._dice, self._outcome = service, kills, dice, outcome
        self._thread = threading.Thread(target=self._rage, daemon=True)
        self._uploaded = 0

    def __enter__(self) -> "_Storm":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.join()

    def pace(self, documents: int) -> bool:
        """Spread the uploads over the kills."""
        self._uploaded += 1
        while self._thread.is_alive() and self._uploaded > documents * (self._outcome.kills + 1) / self._kills:
            time.sleep(0.05)
        return True

    def _rage(self) -> None:
        while self._outcome.kills < self._kills:
            time.sleep(self._dice.uniform(0.5, 4.0))
            victim = self._service.processes().get(self._dice.choice(VICTIMS))
            if victim is not None:
                victim.send_signal(signal.SIGKILL)
                self._outcome.kills += 1


def _upload(service: Service, name: str, content: bytes) -> str:
    """Upload until it is accepted: an API that was killed answers nothing, and the same key doubles nothing."""
    while True:
        try:
            headers = {"Idempotency-Key": name}
            files = {"file": (name, content, "text/markdown")}
            form = {"collection": "storm", "source_id": name}
            response = service.http.post("/v1/documents", files=files, data=form, headers=headers)
            if response.is_success:
                document_id: str = response.json()["id"]
                return document_id
        except httpx.HTTPError:
            pass  # killed, or not up again yet
        time.sleep(0.2)


def _wait_for_all(service: Service, ids: list[str], outcome: Outcome) -> None:
    """Wait until every document has ended, and note the longest time in which none did."""
    began = ended = time.monotonic()
    left = len(ids)
    while left and time.monotonic() - ended < 180:
        time.sleep(0.5)
        now_left = len(_states(service, {"queued", "processing"}))
        if now_left < left:
            outcome.longest_pause_s = max(outcome.longest_pause_s, time.monotonic() - ended)
            left, ended = now_left, time.monotonic()
    outcome.settled_after_s = time.monotonic() - began
    outcome.unsettled = _states(service, {"queued", "processing"})
    outcome.without_reason = _states(service, {"failed"}, without_reason=True)
    known = set(_states(service, {"ready", "failed", "queued", "processing"}))
    outcome.unsettled += [document_id for document_id in ids if document_id not in known]


def _states(service: Service, wanted: set[str], *, without_reason: bool = False) -> list[str]:
    query = select(VersionRow.document_id).where(VersionRow.status.in_(wanted))
    if without_reason:
        query = query.where(VersionRow.error_detail.is_(None))
    return list(_rows(service, query))


def _compare(service: Service, calm: dict[str, list[str]], outcome: Outcome) -> None:
    """Compare the chunks with the undisturbed run's, and the vectors in Chroma with the chunks."""
    wait_until(lambda: not list(_rows(service, select(WorkRow.id))), timeout_s=60)
    stormy = _chunks(service)
    outcome.differing = sorted(name for name in calm.keys() | stormy.keys() if calm.get(name) != stormy.get(name))
    vectors = _vectors(service)
    chunks = set(_rows(service, select(ChunkRow.id)))
    outcome.missing, outcome.doubled = len(chunks - set(vectors)), len(vectors) - len(chunks & set(vectors))


def _chunks(service: Service) -> dict[str, list[str]]:
    """Return the texts of each file's served chunks, in order."""
    query = (
        select(VersionRow.filename, ChunkRow.text)
        .join(ChunkRow, (ChunkRow.document_id == VersionRow.document_id) & (ChunkRow.version == VersionRow.version))
        .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
        .where(DocumentRow.serving == ChunkRow.version)
        .order_by(VersionRow.filename, ChunkRow.document_id, ChunkRow.ordinal)
    )
    found: dict[str, list[str]] = {}
    with transaction(connect(service.database_url), writes=False) as session:
        for name, text in session.execute(query):
            found.setdefault(name, []).append(text)
    return found


def _vectors(service: Service) -> list[str]:
    url = httpx.URL(service.processes()["worker"].environ()["RAG_CHROMA_URL"])
    client = chromadb.HttpClient(host=url.host, port=url.port or 8000)
    name = next(_rows(service, select(GenerationRow.index_name).where(GenerationRow.state == "serving")))
    partitions = [one for one in client.list_collections() if one.name.startswith(f"{name}-")]
    return [key for partition in partitions for key in partition.get(include=[])["ids"]]


def _rows(service: Service, query: object) -> Iterator[str]:
    with transaction(connect(service.database_url), writes=False) as session:
        yield from list(session.scalars(query))  # type: ignore[call-overload]
