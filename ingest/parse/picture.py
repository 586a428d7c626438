"""A page of a PDF as a picture, and the small fork server that draws it.

Run as a module it is the process that drawing processes are forked from: it has pdfium and nothing else, a quarter
of what the server that reads documents has.
"""

import io
import socket
import sys
from pathlib import Path

import pypdfium2 as pdfium

from ingest.parse.confine import program_files
from ingest.parse.forkserver import ForkServer
from rag.errors import BrokenDocument, EncryptedDocument, NoPageImage

MOST_SCALE = 4.0
MOST_PIXELS = 12_000_000


def draw_page(path: Path, filename: str, number: int, width_px: int) -> bytes:
    """Return a PNG of page `number`, from 1, that is `width_px` wide, or less where the page is small or very high.

    Raise NoPageImage if there is no such page, EncryptedDocument, or BrokenDocument if pdfium cannot read it.
    """
    try:
        with pdfium.PdfDocument(path) as document:
            if not 1 <= number <= len(document):
                raise NoPageImage(f"{filename} has pages 1 to {len(document)}.")
            page = document[number - 1]
            width, height = page.get_size()
            scale = min(width_px / width, MOST_SCALE, (MOST_PIXELS / (width * height)) ** 0.5)
            picture = page.render(scale=scale, may_draw_forms=True).to_pil()
    except pdfium.PdfiumError as exc:
        if "password" in str(exc).lower():
            raise EncryptedDocument(f"{filename} needs a password.") from exc
        raise BrokenDocument(f"Page {number} of {filename} cannot be drawn ({exc}).") from exc
    content = io.BytesIO()
    picture.save(content, "PNG", compress_level=3)
    return content.getvalue()


if __name__ == "__main__":
    program_files()
    ForkServer(socket.socket(fileno=int(sys.argv[1]))).serve()
