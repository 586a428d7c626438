"""`rag ingest`: files, and folders that the service is kept up to date with."""

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from ingest.sources.folder import FolderFile, changes, walk
from ingest.sources.listing import Trouble
from rag.cli.client import CallFailed, Client
from rag.cli.ingest import Job, ingest_jobs, summarise
from rag.errors import RagError

LOOK_EVERY_S = 300.0  # also without word of a change: for shares that send none, and for grace periods that end


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `rag ingest` was asked for."""

    paths: Sequence[Path]
    collection: str
    name: str = ""
    wait: bool = False
    prune: bool = False
    watch: bool = False
    grace_s: float = 86_400.0


class Folder:
    """A folder on this machine, and what the service has of it.

    A file's `source_id` is the folder's name and the path below it: the same on every machine, and wherever the
    folder lies.
    """

    def __init__(self, client: Client, root: Path, name: str, collection: str) -> None:
        self.root = root.resolve()
        self.prefix = f"{name or self.root.name}/"
        self._client = client
        self._collection = collection
        self._served: dict[str, str] | None = None  # source_id -> SHA-256 of what is there and did not fail, or ""
        self._settled: dict[str, str] = {}  # source_id -> state of the file when that was so
        self._present: dict[str, FolderFile] = {}
        self.troubles: list[Trouble] = []

    def __len__(self) -> int:
        """How many files it had when it was last looked at."""
        return len(self._present)

    def changed(self) -> list[Job]:
        """Look at every file; return those that the service does not have as they are now."""
        found = list(walk(self.root))
        self.troubles = [entry for entry in found if isinstance(entry, Trouble)]
        self._present = {self.prefix + file.name: file for file in found if isinstance(file, FolderFile)}
        if self._served is None:
            self._served = {
                source_id: document["sha256"] if document["status"] != "failed" else ""
                for document in self._client.documents(self._collection, self.prefix)
                for source_id in document["source_ids"]
                if source_id.startswith(self.prefix)
            }
        jobs = []
        for source_id, file in self._present.items():
            if self._settled.get(source_id) == file.validator:
                continue
            if self._served.get(source_id) == _sha256(file.path):
                self._settled[source_id] = file.validator
            else:
                jobs.append(Job(path=file.path, source_id=source_id))
        return jobs

    def uploaded(self, job: Job, error: CallFailed | None) -> None:
        """Take note of a file that the service has now, or has refused for good."""
        if job.source_id in self._present and (error is None or error.is_final):
            self._settled[job.source_id] = self._present[job.source_id].validator
        if self._served is not None and job.source_id and error is None:
            self._served[job.source_id] = ""

    def prune(self, grace_s: float) -> int:
        """Report the files that are gone; return how many documents were deleted, because it is long enough.

        Raise CallFailed, having reported nothing, if the folder was not seen whole, or is empty and was not before.
        """
        served = self._served or {}
        if self.troubles:
            raise CallFailed(f"{self.root}: part of it cannot be read, so that nothing counts as gone.")
        if served and not self._present:
            raise CallFailed(f"{self.root}: it is empty, and was not before, so that nothing counts as gone.")
        missing = sorted(served.keys() - self._present.keys())
        deleted = self._client.report_missing(self._collection, self.prefix, missing, grace_s)
        if deleted:
            self._served = None  # ask again what is there
        return len(deleted)


def ingest_paths(client: Client, request: Request, console: Console, stop: threading.Event | None = None) -> int:
    """Upload what is new or changed; with `watch`, until `stop` or Ctrl-C.

    Return how much failed; each failure is printed.
    """
    stop = stop or threading.Event()
    folders = _folders(client, request)
    files = [Job(path=path) for path in request.paths if not path.is_dir()]
    failed = _pass(client, request, folders, files, console)
    if not request.watch:
        return failed
    console.print(f"Watching {', '.join(str(folder.root) for folder in folders)}. Ctrl-C ends it.", soft_wrap=True)
    try:
        while not stop.is_set():
            for _ in changes([folder.root for folder in folders], LOOK_EVERY_S, stop):
                _pass(client, request, folders, [], console)
    except KeyboardInterrupt:
        stop.set()
    return 0


def _folders(client: Client, request: Request) -> list[Folder]:
    roots = [path for path in request.paths if path.is_dir()]
    if (request.prune or request.watch) and len(roots) < len(request.paths):
        raise typer.BadParameter("--prune and --watch are for folders.")
    if request.name and (len(roots) != 1 or len(request.paths) != 1):
        raise typer.BadParameter("--as names one folder.")
    folders = [Folder(client, root, request.name, request.collection) for root in roots]
    name, count = Counter(folder.prefix for folder in folders).most_common(1)[0] if folders else ("", 0)
    if count > 1:
        raise typer.BadParameter(f"Several folders are called {name[:-1]}: name each with --as, in a run of its own.")
    return folders


def _pass(client: Client, request: Request, folders: Sequence[Folder], files: Sequence[Job], console: Console) -> int:
    """Bring the service up to date once; return how much failed. A watch tries that again with its next pass."""

    def uploaded(job: Job, error: CallFailed | None) -> None:
        for folder in folders:
            folder.uploaded(job, error)

    jobs, looked_at, reasons = list(files), [], []
    for folder in folders:
        try:
            jobs += folder.changed()
            looked_at.append(folder)
            reasons += [trouble.error.detail for trouble in folder.troubles]
        except (RagError, OSError) as exc:
            reasons.append(exc.detail if isinstance(exc, RagError) else str(exc))
    failed = deleted = 0
    wait = request.wait or request.watch
    try:
        failed = ingest_jobs(client, jobs, request.collection, wait=wait, console=console, uploaded=uploaded)
    except CallFailed as exc:
        if not request.watch:
            raise
        reasons.append(exc.detail)
    for folder in looked_at if request.prune else ():
        try:
            deleted += folder.prune(request.grace_s)
        except CallFailed as exc:
            reasons.append(exc.detail)
    for reason in reasons:
        console.print(reason, soft_wrap=True, markup=False)
    total = len(files) + sum(len(folder) for folder in looked_at)
    if jobs or deleted or not request.watch:
        summarise(console, total, failed, same=total - len(jobs), deleted=deleted, wait=wait)
    return failed + len(reasons)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
