"""Pages of lines and tables to blocks: by page and by heading, each character with its box.

Headings are the bookmarks of the file where it has them, otherwise the lines that are larger or bolder than the rest.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest.parse.grid import Table
from ingest.parse.layout import Boxes
from ingest.parse.reading import Written
from ingest.parse.tables import header_of, is_caption
from rag.types import Block

LARGER = 1.15  # than the text: a heading
_WORDS = re.compile(r"[^\W\d_]{2}|[^\W\d_a-zA-Z]")  # numbers and single letters name nothing
MOST_HEADING_CHARS = 120
LEAST_BOOKMARKS = 3
TENTHS = 10
MOST = 65_535

Outline = Sequence[tuple[int, str, int]]  # level, title, page from 0


@dataclass(frozen=True, kw_only=True)
class PageText:
    """What stands on a page; `bold` are those of its lines, by their first character, that are bold throughout."""

    items: Sequence[Written | Table]
    boxes: Boxes
    bold: frozenset[int] = frozenset()
    is_seen: bool = False  # by OCR, to whose boxes the size of a letter is not known well enough to tell headings


@dataclass
class _Draft:
    """A block being written."""

    page: int
    section: tuple[str, ...]
    text: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    is_heading: bool = True  # nothing but headings so far

    def add(self, text: str, places: Sequence[int], between: str) -> None:
        if self.text:
            self.text.append(between)
            self.places += [-1] * len(between)
        self.text.append(text)
        self.places += places


def blocks_of(pages: Sequence[PageText], outline: Outline) -> tuple[Block, ...]:
    """Return the blocks of all pages in reading order, without empty ones."""
    levels = _bookmarked(pages, outline) if len(outline) >= LEAST_BOOKMARKS else _printed(pages)
    headings: list[tuple[int, str]] = []
    blocks: list[Block] = []
    for number, page in enumerate(pages):
        headings = _entered(headings, levels.get((number, -1), ()))
        blocks += _page_blocks(number, page, levels, headings)
    return tuple(blocks)


Levels = dict[tuple[int, int], list[tuple[int, str]]]  # headings by page and item (-1: its top); none: one goes on


def _entered(headings: list[tuple[int, str]], new: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Put new headings below those of a higher level, in place."""
    for level, title in new:
        headings[:] = [(above, text) for above, text in headings if above < level] + [(level, title)]
    return headings


def _page_blocks(number: int, page: PageText, levels: Levels, headings: list[tuple[int, str]]) -> Iterator[Block]:
    draft = _Draft(page=number + 1, section=_section(headings))
    before: Written | Table | None = None
    for index, item in enumerate(page.items):
        if new := levels.get((number, index)):
            if not draft.is_heading:
                yield from _finished(draft, page.boxes)
                draft = _Draft(page=number + 1, section=())
            draft.section = _section(_entered(headings, new))
        if isinstance(item, Table):
            name = before.text.text if isinstance(before, Written) and is_caption(before.text.text) else None
            if not (draft.section and "".join(draft.text) == draft.section[-1]):  # it is the table's section already
                yield from _finished(draft, page.boxes)
            yield _table_block(number + 1, item, (*draft.section, name) if name else draft.section, page.boxes)
            draft = _Draft(page=number + 1, section=draft.section)
        else:
            draft.add(item.text.text, item.text.places, _between(before, item))
            draft.is_heading = draft.is_heading and (number, index) in levels
        before = item
    yield from _finished(draft, page.boxes)


def _between(before: Written | Table | None, item: Written) -> str:
    """Return what stands between two lines; a word that was cut at the line's end is made whole."""
    if isinstance(before, Written) and before.is_cut:
        return "" if item.text.text[:1].islower() else "-"
    return "\n\n" if item.starts_paragraph else "\n"


def _finished(draft: _Draft, boxes: Boxes) -> Iterator[Block]:
    text = "".join(draft.text)
    if text.strip():
        yield Block(text=text, page=draft.page, section=draft.section, boxes=_packed(draft.places, boxes))


def _table_block(page: int, table: Table, section: tuple[str, ...], boxes: Boxes) -> Block:
    text = "\n".join(row.text for row in table.rows)
    places = [place for row in table.rows for place in (*row.places, -1)][:-1]
    header = header_of([row.text for row in table.rows])
    return Block(text=text, page=page, section=section, is_table=True, header=header, boxes=_packed(places, boxes))


def _packed(places: Sequence[int], boxes: Boxes) -> bytes:
    """Return the boxes as `Block.boxes` has them."""
    rounded = np.concatenate([np.floor(boxes[:, :2] * TENTHS), np.ceil(boxes[:, 2:] * TENTHS)], axis=1)
    known = np.concatenate([np.clip(np.nan_to_num(rounded), 0, MOST), np.zeros((1, 4))])  # the last one for -1
    return known[np.asarray(places, np.int64)].astype("<u2").tobytes()


def _section(headings: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(text for _, text in headings)


def _bookmarked(pages: Sequence[PageText], outline: Outline) -> Levels:
    """Bookmarks point to pages; the line with their words is where the section begins."""
    levels: dict[tuple[int, int], list[tuple[int, str]]] = {}
    last = (0, -1)
    for level, title, number in outline:
        if number >= len(pages):
            continue
        wanted = _letters(title)
        index = next(
            (
                index
                for index, item in enumerate(pages[number].items)
                if isinstance(item, Written) and (number, index) > last and _begins(_letters(item.text.text), wanted)
            ),
            -1,
        )
        levels.setdefault((number, index), []).append((level, title))
        last = max(last, (number, index))
    return levels


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _begins(line: str, title: str) -> bool:
    """The line may have a number before the title, and the title may go on in the next line."""
    return (
        bool(line)
        and len(title) > 1
        and ((line.endswith(title) and len(line) - len(title) <= 8) or (len(line) > 8 and title.startswith(line)))
    )


def _printed(pages: Sequence[PageText]) -> Levels:
    """Larger and bolder lines; the larger, the higher their level."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for item in page.items:
            if isinstance(item, Written):
                sizes[_size(item)] += len(item.text.text)
    if not sizes:
        return {}
    usual = sizes.most_common(1)[0][0]
    ranks = {size: rank for rank, size in enumerate(sorted((size for size in sizes if size > usual), reverse=True))}
    levels: Levels = {}
    for number, page in enumerate(pages):
        last: tuple[int, Written] | None = None  # the heading whose next line this may be
        for index, item in enumerate([] if page.is_seen else page.items):
            if not isinstance(item, Written) or not _is_heading(page, item, index, usual):
                last = None
            elif last is not None and not item.starts_paragraph and _size(last[1]) == _size(item):
                level, title = levels[number, last[0]][0]
                levels[number, last[0]] = [(level, f"{title} {item.text.text}")]
                levels[number, index] = []
            else:
                last = index, item
                levels[number, index] = [(ranks.get(_size(item), len(ranks)), item.text.text)]
    return levels


def _size(line: Written) -> float:
    return round(line.height * 2) / 2


def _is_heading(page: PageText, line: Written, index: int, usual: float) -> bool:
    text = line.text.text
    if len(text) > MOST_HEADING_CHARS or not _WORDS.search(text) or text.endswith((",", ";")):
        return False
    if line.height >= LARGER * usual:
        return True
    following = page.items[index + 1] if index + 1 < len(page.items) else None
    goes_on = isinstance(following, Written) and following.first in page.bold and not following.starts_paragraph
    is_alone = line.first in page.bold and line.starts_paragraph and not goes_on
    return is_alone and not text.endswith(".") and line.height > 0.9 * usual
