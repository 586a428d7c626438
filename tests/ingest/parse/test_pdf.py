"""PDF: text layer, pages, OCR for scans, and what cannot be read."""

from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from ingest.parse.dispatch import parse
from ingest.parse.kinds import Kind
from ingest.parse.pdf import parse_image, parse_pdf
from rag.errors import BrokenDocument, EmptyDocument, EncryptedDocument

SAMPLES = Path(__file__).parents[3] / "samples"


def built(path: Path, *pages: str, password: str = "", title: str = "") -> Path:
    """Write a PDF with one line of text a page; an empty one is a blank page."""
    encryption = StandardEncryption(password, ownerPassword="owner") if password else None
    canvas = Canvas(str(path), encrypt=encryption)
    canvas.setTitle(title)
    for text in pages:
        canvas.drawString(72, 720, text) if text else None
        canvas.showPage()
    canvas.save()
    return path


def test_a_manuals_text_knows_its_page_and_its_headings() -> None:
    parsed = parse_pdf(SAMPLES / "plover-300-manual.pdf", "manual.pdf")

    assert (parsed.title, parsed.pages) == ("Plover 300 Automatic Case Sealer", 6)
    assert sorted({block.page for block in parsed.blocks if block.page}) == [1, 2, 3, 4, 5, 6]
    table = next(block for block in parsed.blocks if "400,000" in block.text)
    assert (table.page, table.section) == (5, ("7. Maintenance", "7.1 Schedule"))
    assert (table.is_table, table.header) == (True, "Part | Work | Interval")
    assert "Tape knife | replace NP-30117 | every 400,000 cases" in table.text.splitlines()


def test_a_scanned_page_is_read_by_ocr_and_the_others_by_their_text_layer() -> None:
    parsed = parse_pdf(SAMPLES / "ghent-handover.pdf", "handover.pdf")

    assert parsed.pages == 3
    assert parsed.blocks[0].text.startswith("Ghent Service Hub: Handover File")
    seen = "\n".join(block.text for block in parsed.blocks if block.page == 3)
    assert "HANDOVER PROTOCOL" in seen
    assert "Landlord: Brugmolen Estates NV" in seen.splitlines()


def test_a_pdf_without_a_title_is_named_after_its_file(tmp_path: Path) -> None:
    path = built(tmp_path / "stored", "Six days.")

    assert parse_pdf(path, "travel rules.pdf").title == "travel rules"


def test_a_blank_page_keeps_its_number(tmp_path: Path) -> None:
    parsed = parse_pdf(built(tmp_path / "stored", "One.", "", "Three.", title="Rules"), "rules.pdf")

    assert parsed.title == "Rules"
    assert parsed.pages == 3
    assert [(block.page, block.text) for block in parsed.blocks] == [(1, "One."), (3, "Three.")]


def test_a_pdf_of_blank_pages_is_called_empty(tmp_path: Path) -> None:
    with pytest.raises(EmptyDocument, match=r"rules\.pdf has no readable text"):
        parse(built(tmp_path / "stored", "", ""), "rules.pdf", Kind.PDF)


def test_a_pdf_with_a_password_is_called_encrypted(tmp_path: Path) -> None:
    path = built(tmp_path / "stored", "Six days.", password="s3cret")

    with pytest.raises(EncryptedDocument, match="needs a password"):
        parse_pdf(path, "rules.pdf")


@pytest.mark.parametrize("content", [b"%PDF-1.4\n", b"%PDF-1.7 and then nothing of the kind" * 100, b"no PDF at all"])
def test_a_damaged_pdf_is_called_broken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "stored"
    path.write_bytes(content)

    with pytest.raises(BrokenDocument, match="not a readable PDF"):
        parse_pdf(path, "rules.pdf")


def test_a_truncated_pdf_is_called_broken(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    path.write_bytes((SAMPLES / "plover-300-manual.pdf").read_bytes()[:3000])

    with pytest.raises(BrokenDocument, match="not a readable PDF"):
        parse_pdf(path, "rules.pdf")


def test_a_line_hyphen_does_not_cut_a_word(tmp_path: Path) -> None:
    text = "".join(block.text for block in parse_pdf(SAMPLES / "plover-300-manual.pdf", "manual.pdf").blocks)

    assert not {"\ufffe", "\x02", "\x00", "\r"} & set(text)


def test_a_picture_is_read_by_ocr_as_one_page(tmp_path: Path) -> None:
    image = tmp_path / "scan"
    _render_last_page(SAMPLES / "ghent-handover.pdf").save(image, "PNG")

    parsed = parse_image(image, "scan.png")

    assert (parsed.title, parsed.pages, parsed.blocks[0].page) == ("scan", 1, 1)
    assert parsed.blocks[0].text.startswith("HANDOVER PROTOCOL")


def test_a_damaged_picture_is_called_broken(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    path.write_bytes(bytes.fromhex("89504e470d0a1a0a") + bytes(100))

    with pytest.raises(BrokenDocument, match="not a readable image"):
        parse_image(path, "scan.png")


def _render_last_page(path: Path) -> Image.Image:
    import pypdfium2 as pdfium

    with pdfium.PdfDocument(path) as pdf:
        image: Image.Image = pdf[len(pdf) - 1].render(scale=2).to_pil()
        return image
