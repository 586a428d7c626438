"""A folder as a source: its files, and word of a change. Left out: what is hidden or temporary, links out of it."""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.parse.kinds import EXTENSIONS
from ingest.sources.listing import Found, Options, Record, Trouble
from ingest.sources.patterns import fits
from rag.errors import FetchFailed, FetchRefused

if TYPE_CHECKING:  # the command line walks folders, too, and has no registry
    from rag.sources import Item

TEMPORARY = ("~$", ".")  # Office's locks, and what is hidden
DEBOUNCE_MS = 1600
LOOK_UP_MS = 500  # between two looks whether the folders are there


@dataclass(frozen=True, kw_only=True)
class FolderFile:
    """A file that can be a document; `name` is its path below the folder, `validator` changes when it is written."""

    path: Path
    name: str
    validator: str


def walk(root: Path) -> Iterator[FolderFile | Trouble]:
    """Yield a folder's files in order, and what could not be looked into. Raise FetchFailed if it is not there."""
    inside = root.resolve()
    if not inside.is_dir():
        raise FetchFailed(f"{root}: the folder is not there.")
    yield from _walk(inside, inside)


def _walk(folder: Path, inside: Path) -> Iterator[FolderFile | Trouble]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as exc:
        error = FetchFailed(f"{folder}: {exc.strerror or exc}")
        yield Trouble(key=str(folder), error=error, hides_others=True)
        return
    for entry in entries:
        if entry.name.startswith(TEMPORARY):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), inside)
        elif Path(entry.name).suffix.lower() in EXTENSIONS and (file := _file(Path(entry.path), inside)):
            yield file


def _file(path: Path, inside: Path) -> FolderFile | Trouble | None:
    try:
        if not path.is_file() or not path.resolve().is_relative_to(inside):
            return None
        state = path.stat()
    except OSError as exc:
        return Trouble(key=str(path), error=FetchFailed(f"{path}: {exc.strerror or exc}"))
    name = path.relative_to(inside).as_posix()
    return FolderFile(path=path, name=name, validator=f"{state.st_size} {state.st_mtime_ns}")


def read_folder(location: str, folders: str, options: Options, known: "Mapping[str, Item]") -> Iterator[Record]:
    """Yield a folder's files; those with size and time of last change as known are not opened."""
    for file in walk(allowed_folder(location, folders)):
        if isinstance(file, Trouble):
            yield file
            continue
        key = str(file.path)
        if not fits(key, options):
            continue
        item = known.get(key)
        if item and item.validator == file.validator:
            yield Found(key=key)
            continue
        try:
            with file.path.open("rb") as content:
                yield Found(key=key, filename=file.path.name, validator=file.validator, file=content)
        except OSError as exc:
            yield Trouble(key=key, error=FetchFailed(f"{key}: {exc.strerror or exc}"))


def allowed_folder(location: str, folders: str) -> Path:
    """Return the folder without links. Raise FetchRefused unless RAG_SOURCES_FOLDERS names it, or one around it."""
    path = Path(location)
    allowed = [Path(folder.strip()).resolve() for folder in folders.split(",") if folder.strip()]
    if not path.is_absolute() or not any(path.resolve().is_relative_to(folder) for folder in allowed):
        raise FetchRefused(f"{location}: it is not in a folder that RAG_SOURCES_FOLDERS names.")
    return path.resolve()


def changes(roots: Sequence[Path], at_least_every_s: float, stop: threading.Event) -> Iterator[None]:
    """Yield once the folders are watched, after each burst of changes, and every `at_least_every_s`, until `stop`.

    Ends, to be called anew, when one of the folders goes away or comes back.
    """
    from watchfiles import watch  # for the one command that watches

    there = [root for root in roots if root.is_dir()]
    if not there:
        stop.wait(at_least_every_s)
        yield None
        return
    due = 0.0
    for changed in watch(
        *there,
        watch_filter=None,
        ignore_permission_denied=True,
        stop_event=stop,
        debounce=DEBOUNCE_MS,
        rust_timeout=LOOK_UP_MS,
        yield_on_timeout=True,
        raise_interrupt=True,
    ):
        if changed or time.monotonic() >= due:
            yield None
            due = time.monotonic() + at_least_every_s
        if [root for root in roots if root.is_dir()] != there:
            return
