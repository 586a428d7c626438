"""Is a document read as a reader sees it? `formats.toml` says what is to be found in each file of a folder."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measure import Measure
from ingest.parse.dispatch import parse
from ingest.parse.kinds import kind_of
from rag.errors import ConfigurationError, PermanentError
from rag.types import Block, ParsedDocument

EXPECTED = Path(__file__).with_suffix(".toml")
FIELDS = ("title", "author", "created_at", "modified_at", "language", "pages")

Verdict = tuple[str, bool]  # what was expected, and whether it is so


def run(docs: Path | None = None) -> list[Measure]:
    """Return the share of expectations met, for each file and in all; a missed one is named in the note."""
    if docs is None:
        raise ConfigurationError("`rag bench formats` needs --docs, the folder with the files of bench/formats.toml.")
    expected = tomllib.loads(EXPECTED.read_text(encoding="utf-8"))
    verdicts = {name: list(_verdicts(docs / name, wanted)) for name, wanted in expected.items()}
    every = [verdict for found in verdicts.values() for verdict in found]
    return [
        *(_measure(f"formats.{name}", found) for name, found in verdicts.items()),
        Measure(name="formats.total", value=_share(every), unit="share", n=len(every), reference=1.0),
    ]


def _measure(name: str, verdicts: list[Verdict]) -> Measure:
    missed = "; ".join(what for what, is_met in verdicts if not is_met)
    note = f"missed: {missed}" if missed else None
    return Measure(name=name, value=_share(verdicts), unit="share", n=len(verdicts), reference=1.0, note=note)


def _share(verdicts: list[Verdict]) -> float:
    return sum(is_met for _, is_met in verdicts) / len(verdicts)


def _verdicts(path: Path, wanted: dict[str, Any]) -> Iterator[Verdict]:
    try:
        with path.open("rb") as file:
            kind = kind_of(file, path.name)
        parsed = parse(path, path.name, kind)
    except PermanentError as exc:
        refused = wanted.get("refused")
        yield f"{exc.title}: {exc.detail}", refused is not None and refused in exc.detail
        return
    yield from verdicts_of(parsed, wanted)


def verdicts_of(parsed: ParsedDocument, wanted: dict[str, Any]) -> Iterator[Verdict]:
    """Compare a document with what a reader sees; white space is alike."""
    text = _plain("\n".join(block.text for block in parsed.blocks))
    for name in FIELDS:
        if name in wanted:
            found = getattr(parsed, name)
            yield f"{name} {wanted[name]!r}, found {found!r}", found == wanted[name]
    place = 0
    for phrase in wanted.get("in_order", ()):
        at = text.find(_plain(phrase), place)
        yield f"in order {phrase!r}", at >= 0
        place = max(at, place)
    for phrase, heading in wanted.get("under", ()):
        sections = [block.section for block in _with(parsed, phrase)]
        yield f"{phrase!r} under {heading!r}", any(_plain(heading) in _plain(" > ".join(s)) for s in sections)
    for header, row in wanted.get("rows", ()):
        tables = [block for block in parsed.blocks if block.is_table and _plain(header) in _plain(block.header)]
        yield f"row {row!r} below {header!r}", any(row in table.text.splitlines() for table in tables)
    for phrase, page in wanted.get("on_page", ()):
        yield f"{phrase!r} on page {page}", page in {block.page for block in _with(parsed, phrase)}
    for phrase in wanted.get("absent", ()):
        yield f"absent {phrase!r}", phrase not in text


def _with(parsed: ParsedDocument, phrase: str) -> list[Block]:
    return [block for block in parsed.blocks if _plain(phrase) in _plain(block.text)]


def _plain(text: str) -> str:
    return " ".join(text.split())
