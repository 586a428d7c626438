"""`rag ingest`: files and folders to documents, with progress."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.parse.kinds import EXTENSIONS
from rag.cli.client import CallFailed, Client

POLL_S = 0.2


def find_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files, and those below the folders that have a supported extension, in order."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in EXTENSIONS)
        else:
            yield path


def ingest_files(client: Client, files: Sequence[Path], collection: str, *, wait: bool, console: Console) -> int:
    """Upload files and, with `wait`, follow them to their end. Return how many failed; each failure is printed."""
    failed = 0
    pending: dict[str, Path] = {}
    with _progress(console) as progress:
        uploads = progress.add_task("uploaded", total=len(files))
        for path in files:
            try:
                document = client.upload(path, collection)
                if document["status"] not in {"ready", "failed"}:
                    pending[document["id"]] = path
            except CallFailed as exc:
                failed += 1
                console.print(f"{path}: {exc.detail}", soft_wrap=True)
            progress.advance(uploads)
        if wait:
            ingested = progress.add_task("ingested", total=len(files), completed=len(files) - len(pending))
            for document_id, path in pending.items():
                document = _wait(client, document_id)
                failed += document["status"] == "failed"
                if document["error"]:
                    console.print(f"{path}: {document['error']['title']}: {document['error']['detail']}")
                progress.advance(ingested)
    if not console.is_terminal:
        console.print(f"{len(files) - failed} of {len(files)} files {'ready' if wait else 'uploaded'}")
    return failed


def _wait(client: Client, document_id: str) -> dict[str, Any]:
    while (document := client.document(document_id))["status"] not in {"ready", "failed"}:
        time.sleep(POLL_S)
    return document


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
