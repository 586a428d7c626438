"""How soon a small document is answerable: on an idle service, and while a large one is being ingested."""

import tempfile
import time
from io import BytesIO
from itertools import islice
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from bench.measure import Measure, p50
from bench.service import ROOT, Service, start, stop

SMALL, LARGE_PAGES = 20, 600
WORDS = (ROOT / "samples/travel-and-expenses.md").read_text(encoding="utf-8").split()


def run() -> list[Measure]:
    """Upload one-page documents, idle and beside a 600-page PDF; the time is from the upload's answer to the hit."""
    with tempfile.TemporaryDirectory() as folder:
        service = start(Path(folder), "--generator", "none")
        try:
            _answerable_after(service, "warmup")
            idle = [_answerable_after(service, f"idle{number}") for number in range(SMALL)]
            large = service.upload("large.pdf", large_pdf(LARGE_PAGES)).json()["id"]
            busy: list[float] = []
            while service.http.get(f"/v1/documents/{large}").json()["status"] in {"queued", "processing"}:
                busy.append(_answerable_after(service, f"busy{len(busy)}"))
        finally:
            stop(service)
    return [
        Measure(
            name="latency.idle", value=max(idle), unit="s", n=len(idle), reference=2.0, note=f"p50 {p50(idle):.2f} s"
        ),
        Measure(
            name="latency.beside_large",
            value=max(busy) - p50(idle),
            unit="s",
            n=len(busy),
            reference=5.0,
            note=f"delay by a PDF of {LARGE_PAGES} pages, the worst; p50 {p50(busy):.2f} s",
        ),
    ]


def large_pdf(pages: int) -> bytes:
    """Return a PDF of full pages of prose."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    words = (WORDS[number % len(WORDS)] for number in range(pages * 400))
    for page in range(pages):
        text = canvas.beginText(60, 780)
        text.textLine(f"Page {page + 1}")
        for _ in range(40):
            text.textLine(" ".join(islice(words, 10)))
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _answerable_after(service: Service, word: str) -> float:
    """Return the seconds from the upload's answer until a search finds the document."""
    text = f"# Note {word}\n\n{' '.join(WORDS[:300])}\n\nThe code of {word} is {word}."
    document_id = service.upload(f"{word}.md", text.encode(), collection="small").json()["id"]
    accepted = time.perf_counter()
    while not any(hit["document_id"] == document_id for hit in service.search(f"the code of {word}", top_k=50)):
        time.sleep(0.02)
    return time.perf_counter() - accepted
