"""PDF by its text layer (pdfium), and OCR for pages that have none. Images are read by the same OCR."""

import ctypes
import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image, ImageSequence

from ingest.parse import progress
from ingest.parse.blocks import MOST_HEADING_CHARS, PageText, blocks_of
from ingest.parse.layout import Boxes, Page
from ingest.parse.metadata import language_tag, own_title, pdf_date
from ingest.parse.ocr import Pixels, read_picture
from ingest.parse.reading import Written, read
from rag.errors import BrokenDocument, EncryptedDocument
from rag.types import ParsedDocument

OCR_SCALE = 200 / 72  # 200 dots an inch; PDF units are 1/72 inch
OCR_MAX_PIXELS = 25_000_000
MOST_FRAMES = 500
FEW_CHARS = 100  # under so many, a page that is one big picture is a scan with a stamp or a page number
PICTURE_SHARE = 0.5  # of the page
MOST_OBJECTS = 20_000  # on a page: drawings with more have no tables that their lines would tell
SEEN_MARKS = {pdfium_c.FPDF_ANNOT_WIDGET, pdfium_c.FPDF_ANNOT_STAMP, pdfium_c.FPDF_ANNOT_FREETEXT}
UNREADABLE_SHARE = 0.3
_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]")
_BOLD = re.compile(rb"bold|black|heavy|-bd|demi|medi(?!um)|cmb|sfbx|sfsx", re.IGNORECASE)


def parse_pdf(path: Path, filename: str) -> ParsedDocument:
    """Blocks by page and heading, with their characters' boxes.

    Raise EncryptedDocument if it needs a password, BrokenDocument if pdfium cannot read it.
    """
    try:
        with pdfium.PdfDocument(path) as pdf:
            return _parsed(pdf, filename)
    except pdfium.PdfiumError as exc:
        if "password" in str(exc).lower():
            raise EncryptedDocument("It needs a password. Save it without one and upload it again.") from exc
        raise BrokenDocument(f"It is not a readable PDF ({exc}). Print it to PDF anew and upload that.") from exc


def parse_image(path: Path, filename: str) -> ParsedDocument:
    """One page a picture; a TIFF may hold several."""
    pages: list[PageText] = []
    sizes: list[tuple[float, float]] = []
    try:
        with Image.open(path) as image:
            for frame in ImageSequence.Iterator(image):
                if len(pages) == MOST_FRAMES or (pages and image.format == "GIF"):  # the others are its film
                    break
                pixels = np.asarray(frame.convert("RGB"))
                scale = _scale(image)
                page = read_picture(pixels, scale)
                pages.append(PageText(items=read(page), boxes=page.boxes, is_seen=True))
                sizes.append((round(pixels.shape[1] / scale, 1), round(pixels.shape[0] / scale, 1)))
    except (OSError, Image.DecompressionBombError, ValueError, SyntaxError) as exc:
        raise BrokenDocument(f"It is not a readable image ({exc}).") from exc
    return ParsedDocument(
        title=Path(filename).stem, blocks=blocks_of(pages, ()), pages=len(pages), page_sizes=tuple(sizes)
    )


def _scale(image: Image.Image) -> float:
    """Return pixels per point: by the picture's own resolution if it states a likely one."""
    dots = image.info.get("dpi", (0, 0))[0]
    return float(dots) / 72 if 50 <= dots <= 1200 else 96 / 72


def _parsed(pdf: pdfium.PdfDocument, filename: str) -> ParsedDocument:
    pages, sizes, warnings = [], [], []
    for number in range(len(pdf)):
        progress.tell(number, len(pdf))
        try:
            page = _with_fields(pdf, number)
            width, height = page.get_size()
            sizes.append((round(width, 1), round(height, 1)))
            pages.append(_page_text(page, width, height))
        except pdfium.PdfiumError as exc:
            if len(pdf) == 1:
                raise
            warnings.append(f"Page {number + 1} could not be read ({exc}).")
            sizes = [*sizes[:number], (0.0, 0.0)]
            pages.append(PageText(items=[], boxes=np.zeros((0, 4), np.float32)))
    known = pdf.get_metadata_dict(skip_empty=True)
    blocks = blocks_of(pages, tuple(_outline(pdf)))
    heading = next((block.section[0] for block in blocks if block.section and block.page == 1), "")
    return ParsedDocument(
        title=own_title(known.get("Title")) or heading or Path(filename).stem,
        blocks=blocks,
        pages=len(pages),
        page_sizes=tuple(sizes),
        author=own_title(known.get("Author")) or None,
        created_at=pdf_date(known.get("CreationDate")),
        modified_at=pdf_date(known.get("ModDate")),
        language=_language(pdf),
        warnings=tuple(warnings),
    )


def _with_fields(pdf: pdfium.PdfDocument, number: int) -> pdfium.PdfPage:
    """Return a page with what is filled into its form and stamped on it as part of its text."""
    page = pdf[number]
    for index in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, index)
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        pdfium_c.FPDFPage_CloseAnnot(annotation)
        if kind in SEEN_MARKS:
            pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY)
            return pdf[number]
    return page


def _page_text(page: pdfium.PdfPage, width: float, height: float) -> PageText:
    """Read a page as it is shown, by its text layer or, where that says little, by OCR."""
    layer = _text_layer(page, width, height)
    chars = sum(not code.isspace() for code in layer.codes)
    is_readable = len(_UNREADABLE.findall("".join(layer.codes))) < UNREADABLE_SHARE * max(chars, 1)
    if not (chars >= FEW_CHARS and is_readable) and _is_picture(page, width, height, chars if is_readable else 0):
        scale = min(OCR_SCALE, math.sqrt(OCR_MAX_PIXELS / max(width * height, 1.0)))
        pixels: Pixels = page.render(scale=scale, rev_byteorder=True).to_numpy()[:, :, :3]
        seen = read_picture(np.ascontiguousarray(pixels), scale)
        if len(seen.codes) > chars or not is_readable:
            return PageText(items=read(seen), boxes=seen.boxes, is_seen=True)
    items = read(layer)
    bold = _bold(page, [item for item in items if isinstance(item, Written)])
    return PageText(items=items, boxes=layer.boxes, bold=bold)


def _is_picture(page: pdfium.PdfPage, width: float, height: float, chars: int) -> bool:
    """Whether OCR may find more than the `chars` of the text layer: not on a blank page, nor beside small pictures."""
    if not chars:
        return any(True for _ in page.get_objects(max_depth=2))
    largest = 0.0
    for item in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = item.get_bounds()
        largest = max(largest, (right - left) * (top - bottom))
    return largest > PICTURE_SHARE * width * height


def _text_layer(page: pdfium.PdfPage, width: float, height: float) -> Page:
    textpage = page.get_textpage()
    count = max(pdfium_c.FPDFText_CountChars(textpage), 0)
    codes = _codes([pdfium_c.FPDFText_GetUnicode(textpage, index) for index in range(count)])
    raw = (pdfium_c.FS_RECTF * count)()
    for index, box in enumerate(raw):
        pdfium_c.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(box))
    boxes = np.frombuffer(raw, np.float32).reshape(-1, 4) if count else np.zeros((0, 4), np.float32)
    shown = _shown(page, width, height)
    return Page(codes=codes, boxes=shown(boxes), rules=shown(_rules(page)))


def _codes(units: list[int]) -> list[str]:
    """UTF-16 units to characters, one a unit: the second half of a pair becomes a NUL, which is no text."""
    codes = [chr(unit) if unit < 0x110000 else "\ufffd" for unit in units]
    for index, (high, low) in enumerate(pairwise(units)):
        if 0xD800 <= high < 0xDC00 <= low < 0xE000:
            codes[index : index + 2] = chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00), "\x00"
    return codes


def _shown(page: pdfium.PdfPage, width: float, height: float) -> Callable[[Boxes], Boxes]:
    """Return the function from boxes in the page's own space to boxes as it is shown: cropped, turned, y downwards."""
    corner = []
    for x, y in ((0, 0), (1000, 0), (0, 1000)):
        to_x, to_y = ctypes.c_int(), ctypes.c_int()
        pdfium_c.FPDF_PageToDevice(page, 0, 0, round(width * 100), round(height * 100), 0, x, y, to_x, to_y)
        corner.append(np.array([to_x.value, to_y.value]) / 100)
    origin = corner[0]
    matrix = np.stack([corner[1] - origin, corner[2] - origin], axis=1) / 1000

    def shown(boxes: Boxes) -> Boxes:
        one = boxes[:, [0, 1]] @ matrix.T + origin
        other = boxes[:, [2, 3]] @ matrix.T + origin
        return np.concatenate([np.minimum(one, other), np.maximum(one, other)], axis=1).astype(np.float32)

    return shown


def _rules(page: pdfium.PdfPage) -> Boxes:
    """Return the bounds of the drawn lines and bars that may be those of a table: flat and wide, left bottom first."""
    count = pdfium_c.FPDFPage_CountObjects(page)
    found = []
    edges = [ctypes.c_float() for _ in range(4)]
    for index in range(count if count < MOST_OBJECTS else 0):
        item = pdfium_c.FPDFPage_GetObject(page, index)
        if pdfium_c.FPDFPageObj_GetType(item) == pdfium_c.FPDF_PAGEOBJ_PATH and pdfium_c.FPDFPageObj_GetBounds(
            item, *edges
        ):
            found.append([edge.value for edge in edges])
    return np.array(found, np.float32).reshape(-1, 4)


def _bold(page: pdfium.PdfPage, lines: list[Written]) -> frozenset[int]:
    """Return the first characters of the lines whose first and last one are of a bold font."""
    textpage = page.get_textpage()
    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()

    def is_bold(index: int) -> bool:
        pdfium_c.FPDFText_GetFontInfo(textpage, index, name, 128, flags)
        return bool(_BOLD.search(name.value))

    return frozenset(
        line.first
        for line in lines
        if len(line.text.text) <= MOST_HEADING_CHARS and line.text.places
        if is_bold(line.first) and is_bold(line.text.places[-1])
    )


def _outline(pdf: pdfium.PdfDocument) -> Iterator[tuple[int, str, int]]:
    """Yield level, title and page (from 0) of the bookmarks that lead to a page."""
    for bookmark in pdf.get_toc(max_depth=6):
        goal = bookmark.get_dest()
        page = goal.get_index() if goal else None
        title = " ".join(bookmark.get_title().split())
        if page is not None and title:
            yield bookmark.level, title, page


def _language(pdf: pdfium.PdfDocument) -> str | None:
    size = pdfium_c.FPDFCatalog_GetLanguage(pdf, None, 0)
    if size <= 2:
        return None
    buffer = (ctypes.c_ushort * (size // 2))()
    pdfium_c.FPDFCatalog_GetLanguage(pdf, buffer, size)
    return language_tag(bytes(buffer).decode("utf-16-le", "replace").rstrip("\x00"))
