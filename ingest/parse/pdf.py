"""PDF by its text layer (pdfium), and OCR for pages that have none. Images are read by the same OCR."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2 as pdfium
from PIL import Image

from rag.errors import BrokenDocument, EncryptedDocument
from rag.types import Block, ParsedDocument

OCR_SCALE = 200 / 72  # 200 dots an inch; PDF units are 1/72 inch
OCR_MAX_PIXELS = 25_000_000
MIN_CONFIDENCE = 0.5
_LINE_HYPHEN = re.compile(r"(?<=\w)[\ufffe\u00ad\x02]\n?")


def parse_pdf(path: Path, filename: str) -> ParsedDocument:
    """One block a page. Raise EncryptedDocument if it needs a password, BrokenDocument if pdfium cannot read it."""
    try:
        with pdfium.PdfDocument(path) as pdf:
            blocks = tuple(Block(text=_page_text(pdf, number), page=number + 1) for number in range(len(pdf)))
            title = str(pdf.get_metadata_dict(skip_empty=True).get("Title", "")).strip()
            return ParsedDocument(title=title or Path(filename).stem, blocks=blocks, pages=len(blocks))
    except pdfium.PdfiumError as exc:
        if "password" in str(exc).lower():
            raise EncryptedDocument("It needs a password. Save it without one and upload it again.") from exc
        raise BrokenDocument(f"It is not a readable PDF ({exc}). Print it to PDF anew and upload that.") from exc


def parse_image(path: Path, filename: str) -> ParsedDocument:
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, Image.DecompressionBombError) as exc:
        raise BrokenDocument(f"It is not a readable image ({exc}).") from exc
    return ParsedDocument(title=Path(filename).stem, blocks=(Block(text=_ocr(pixels), page=1),), pages=1)


def _page_text(pdf: pdfium.PdfDocument, number: int) -> str:
    page = pdf[number]
    text = str(page.get_textpage().get_text_range()).replace("\r\n", "\n").replace("\r", "\n")
    text = _LINE_HYPHEN.sub("", text).replace("\x00", "")
    if text.strip():
        return text
    if not any(True for _ in page.get_objects(max_depth=2)):
        return ""  # a blank page
    width, height = page.get_size()
    scale = min(OCR_SCALE, (OCR_MAX_PIXELS / max(width * height, 1.0)) ** 0.5)
    return _ocr(page.render(scale=scale, rev_byteorder=True).to_numpy()[:, :, :3])


def _ocr(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> str:
    """Return the text lines that OCR reads in an RGB image, top to bottom."""
    from rapidocr import RapidOCR  # 0.6 s and 150 MB: only for the documents that need it

    read: Any = RapidOCR(params={"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1})
    found = read(pixels, use_cls=False)  # lines upside down are rare, and looking for them takes a third of the time
    lines = zip(found.txts or (), found.scores or (), strict=True)
    return "\n".join(text for text, confidence in lines if confidence >= MIN_CONFIDENCE)
