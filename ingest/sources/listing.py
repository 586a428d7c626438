"""What reading a source brings, piece by piece: the records that its reader yields and its run takes."""

from dataclasses import dataclass
from typing import BinaryIO

from rag.errors import RagError


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page, file or object that is there; `key` becomes its document's source_id.

    `file` is None if it is as it was last time; else it is open until the next record is asked for.
    """

    key: str
    filename: str = ""
    validator: str | None = None
    links: tuple[str, ...] = ()
    file: BinaryIO | None = None


@dataclass(frozen=True, kw_only=True)
class Gone:
    """Something that the source itself says is not there any more."""

    key: str


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Something that could not be read. `hides_others`: what else is there may be unknown because of it."""

    key: str
    error: RagError
    hides_others: bool = False


Record = Found | Gone | Trouble


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a source is read: `depth`, `rate` (requests a second) and `max_pages` are for web pages.

    `include` and `exclude` are patterns with `*` for the whole URL, path or object: if there is an `include`, one of
    them must fit, and no `exclude` may.
    """

    depth: int = 0
    rate: float = 1.0
    max_pages: int = 1000
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
