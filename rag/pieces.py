"""Passages to the pieces that can answer alone: sentences, rows and list items, without headings and labels."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.rows import BAR, header_of, in_words
from rag.sentences import sentence_spans
from rag.support.lexicon import PRONOUNS
from rag.types import Hit

LONGEST_LIST = 300  # characters of an item with the line that leads to it and the items between
FEWEST_WORDS = 3  # of what has no end mark and is no row: fewer are a label
_WORD = re.compile(r"[^\W\d_]+")
_BARE = re.compile(r"^[\s#>*•-]*(?:\d+(?:\.\d+)*[.)]?\s+)?")
_ENDS = re.compile(r"[.!?…。！？][\"'”’)\]*_]*$")
_LEADS = re.compile(r"[:：]$")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of the n-th hit at [start, end) of its text. `shown` is what a reader is shown of it.

    `lead` is what it needs to be understood: the line before its list, the heading in the text above it.
    """

    n: int
    start: int
    end: int
    shown: str
    lead: str


def pieces(hits: Sequence[Hit]) -> list[Piece]:
    """Return the pieces of the hits in their order; whatever there is, if all of it is headings and labels."""
    found = [piece for n, hit in enumerate(hits, 1) for piece in _of(n, hit)]
    return found or [
        Piece(n=n, start=0, end=len(hit.text), shown=" ".join(hit.text.split()), lead="")
        for n, hit in enumerate(hits, 1)
    ]


def _of(n: int, hit: Hit) -> Iterator[Piece]:
    header = header_of(hit.text, hit.context).strip()
    headings = {_bare(part) for part in (hit.title, *hit.context.partition("\n")[0].split(" > "))}
    lead = Piece(n=n, start=0, end=0, shown="", lead="")
    before = ""
    for start, end in _lines(hit.text):
        text = hit.text[start:end]
        shown = " ".join(text.split())
        if not _WORD.search(text) or text == header:
            continue
        if BAR in text:
            yield Piece(n=n, start=start, end=end, shown=in_words(text, header), lead="")
        elif _LEADS.search(text) or _is_label(text) or _bare(text) in headings:
            lead = Piece(n=n, start=start, end=end, shown="" if _bare(text) in headings else shown, lead="")
        elif _LEADS.search(lead.shown) and end - lead.start <= LONGEST_LIST:
            yield Piece(n=n, start=lead.start, end=end, shown=" ".join(hit.text[lead.start : end].split()), lead="")
        else:
            first = _WORD.match(shown)
            refers = first is not None and first.group().casefold() in PRONOUNS
            yield Piece(n=n, start=start, end=end, shown=shown, lead=f"{lead.shown} {before if refers else ''}".strip())
        before = shown


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of sentences without the white space around them."""
    for start, end in sentence_spans(text):
        piece = text[start:end]
        yield start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def _is_label(text: str) -> bool:
    """Return whether a text is a heading or a label: marked as one, in capitals, or a word or two without a number."""
    if text.startswith("#"):
        return True
    if _ENDS.search(text) or text.startswith(("- ", "* ", "• ")):
        return False
    words = _WORD.findall(text)
    letters = "".join(words)
    capitals = sum(letter.isupper() for letter in letters) > len(letters) / 2
    return capitals or (len(words) < FEWEST_WORDS and not re.search(r"\d", text) and letters.isascii())


def _bare(text: str) -> str:
    """Return a heading without its number and marks, case-folded."""
    return " ".join(_BARE.sub("", text).casefold().split()).rstrip(".:")
