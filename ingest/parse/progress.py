"""How many pages a parser has read, told by the child through a file in its folder: the worker trusts none of it."""

import os
import re
import time
from pathlib import Path

NAME = "progress"
TELL_EVERY_S = 0.25
_TOLD = re.compile(rb"(\d{1,7}) (\d{1,7})")


class _Teller:
    """Where to write; nowhere, until the process is a sandbox's."""

    folder: Path | None = None
    told_at = 0.0


def begin(folder: Path) -> None:
    """Have what is told from now on written into this folder."""
    _Teller.folder = folder


def tell(done: int, total: int) -> None:
    """Say that `done` of `total` pages are read. Costs nothing outside of a sandbox, and little in it."""
    if _Teller.folder is not None and time.monotonic() - _Teller.told_at >= TELL_EVERY_S:
        _Teller.told_at = time.monotonic()
        part = _Teller.folder / f"{NAME}.part"
        part.write_text(f"{done} {total}", encoding="ascii")
        part.replace(_Teller.folder / NAME)


def told(folder: Path) -> tuple[int, int] | None:
    """Return what the parser in this folder said last, or None. It may have put anything there: a link, a pipe."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        match = _TOLD.fullmatch(os.read(descriptor, 32))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return (int(match[1]), int(match[2])) if match else None
