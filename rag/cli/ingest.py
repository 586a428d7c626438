"""Uploads, several at once, and the documents that come of them, with progress."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from rag.cli.client import CallFailed, Client

UPLOADS_AT_ONCE = 4
POLL_S = 0.2
POLLED_AT_ONCE = 8  # documents are worked on in the order of their upload, so that the first few tell enough
SAID_EVERY_S = 15.0  # where there is no terminal
FINAL = {"ready", "failed"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """A file to upload. The same `source_id` makes it a new version of its document."""

    path: Path
    source_id: str | None = None


Told = Callable[[Job, CallFailed | None], None]


def ingest_jobs(
    client: Client,
    jobs: Sequence[Job],
    collection: str,
    *,
    wait: bool,
    console: Console,
    uploaded: Told = lambda _job, _error: None,
) -> int:
    """Upload files and, with `wait`, follow them to their end. Return how many failed; each failure is printed.

    `uploaded` is told of each file that the service has taken, or of the error.
    """
    pool = ThreadPoolExecutor(UPLOADS_AT_ONCE)
    try:
        with _Board(console, len(jobs)) as board:
            running = {pool.submit(client.upload, job.path, collection, job.source_id): job for job in jobs}
            followed: deque[tuple[str, Job]] = deque()
            asked_at = time.monotonic()
            while running or (wait and followed):
                for future in _finished(running):
                    _take(future, running.pop(future), board, followed, uploaded)
                if time.monotonic() - asked_at > POLL_S:  # not after every upload
                    _follow(client, followed, board)
                    asked_at = time.monotonic()
            return board.failed
    finally:
        pool.shutdown(cancel_futures=True)


def summarise(console: Console, total: int, failed: int, *, wait: bool, same: int = 0, deleted: int = 0) -> None:
    """Say in a line how it ended."""
    more = f", {same} of them as before" if same else ""
    more += f"; documents of files that are gone deleted: {deleted}" if deleted else ""
    console.print(f"{total - failed} of {total} files {'ready' if wait else 'uploaded'}{more}", soft_wrap=True)


def _finished(running: "dict[Future[dict[str, Any]], Job]") -> "set[Future[dict[str, Any]]]":
    if running:
        return wait_for(running, timeout=POLL_S, return_when=FIRST_COMPLETED).done
    time.sleep(POLL_S)
    return set()


def _take(
    future: "Future[dict[str, Any]]", job: Job, board: "_Board", followed: deque[tuple[str, Job]], uploaded: Told
) -> None:
    """See to an upload that has ended."""
    try:
        document = future.result()
    except (CallFailed, OSError) as exc:
        error = exc if isinstance(exc, CallFailed) else CallFailed(f"{exc.strerror or exc}")
        board.upload_failed(job.path, error.detail)
        uploaded(job, error)
        return
    board.uploaded()
    if document["status"] in FINAL:
        board.ended(job.path, document, counts_pages=False)
    else:
        followed.append((document["id"], job))
    uploaded(job, None)


def _follow(client: Client, followed: deque[tuple[str, Job]], board: "_Board") -> None:
    """Ask for the state of the documents that were uploaded first."""
    for _ in range(min(POLLED_AT_ONCE, len(followed))):
        document_id, job = followed.popleft()
        try:
            document = client.document(document_id)
        except CallFailed as exc:
            if not exc.is_final:
                raise
            board.upload_failed(job.path, exc.detail)  # deleted meanwhile
            continue
        if document["status"] in FINAL:
            board.ended(job.path, document, counts_pages=True)
        else:
            followed.append((document_id, job))


@dataclass(kw_only=False)
class _Board:
    """What the person at the terminal sees: two bars, or now and then a line."""

    console: Console
    total: int
    failed: int = 0
    pages: int = 0
    counts: dict[str, int] = field(default_factory=lambda: {"uploaded": 0, "ingested": 0})
    started: float = field(default_factory=time.monotonic)

    def __enter__(self) -> "_Board":
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self._bars: dict[str, TaskID] = {
            name: self._progress.add_task(name, total=self.total, speed="") for name in self.counts
        }
        self._said_at = self.started
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @property
    def speed(self) -> str:
        """Pages of the documents that became ready, per second; a document without pages counts as one."""
        return f"{self.pages / max(time.monotonic() - self.started, 0.001):.1f} pages/s"

    def uploaded(self) -> None:
        self._count("uploaded")

    def upload_failed(self, path: Path, reason: str) -> None:
        self.failed += 1
        self.console.print(f"{path}: {reason}", soft_wrap=True, markup=False)
        self._count("ingested")

    def ended(self, path: Path, document: dict[str, Any], *, counts_pages: bool) -> None:
        if document["error"] and document["status"] == "failed":
            self.failed += 1
            error = document["error"]
            self.console.print(f"{path}: {error['title']}: {error['detail']}", soft_wrap=True, markup=False)
        elif counts_pages:
            self.pages += document["pages"] or 1
        self._count("ingested")

    def _count(self, name: str) -> None:
        self.counts[name] += 1
        self._progress.update(self._bars[name], completed=self.counts[name])
        self._progress.update(self._bars["ingested"], speed=self.speed)
        if not self.console.is_terminal and time.monotonic() - self._said_at > SAID_EVERY_S:
            self._said_at = time.monotonic()
            self.console.print(
                f"{self.counts['uploaded']} of {self.total} uploaded, {self.counts['ingested']} ingested, {self.speed}"
            )
