"""PDF: text layer, pages, OCR for scans, and what cannot be read."""

import struct
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageDraw
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from ingest.parse import ocr
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


def test_boxes_say_where_each_character_stands_also_on_a_turned_page(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "upright"), pagesize=(400, 200))
    canvas.setFont("Helvetica", 10)
    canvas.drawString(100, 150, "Six days.")
    canvas.save()
    with pdfium.PdfDocument(tmp_path / "upright") as pdf:
        pdf[0].set_rotation(90)
        pdf.save(tmp_path / "turned")

    parsed = parse_pdf(tmp_path / "turned", "turned.pdf")

    assert parsed.page_sizes == ((200.0, 400.0),)
    (block,) = parsed.blocks
    boxes = list(struct.iter_unpack("<4H", block.boxes))
    assert (block.text, len(boxes)) == ("Six days.", 9)
    assert boxes[3] == (0, 0, 0, 0)  # the space
    left, top, right, bottom = boxes[0]
    assert 1450 < left < 1500 < right < 1600  # 150 points from the edge that was the lower one
    assert 990 < top < 1010 < bottom < 1100  # 100 points from the one that was on the left
    assert boxes[8][1] > boxes[0][3]  # downwards
    left, top, right, bottom = struct.unpack("<4H", parse_pdf(tmp_path / "upright", "upright.pdf").blocks[0].boxes[:8])
    assert 990 < left < 1010 < right < 1100
    assert 400 < top < 500 < bottom < 550  # 50 points from the upper edge


def test_what_is_filled_into_a_form_is_read(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "form"))
    canvas.drawString(72, 720, "Days of leave:")
    canvas.acroForm.textfield(value="twenty-six", x=160, y=715, width=100, height=20, name="days")
    canvas.save()

    assert "Days of leave: twenty-six" in parse_pdf(tmp_path / "form", "form.pdf").blocks[0].text


def test_bookmarks_are_the_sections_of_a_pdf(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "marked"))
    for number, (level, title) in enumerate([(0, "Yard"), (1, "Keys"), (1, "Hours")]):
        canvas.bookmarkPage(str(number))
        canvas.addOutlineEntry(title, str(number), level)
        canvas.drawString(72, 720, title)
        canvas.drawString(72, 700, f"Rule {number}.")
        canvas.showPage()
    canvas.setAuthor("Ruben")
    canvas.save()

    parsed = parse_pdf(tmp_path / "marked", "marked.pdf")

    assert parsed.author == "Ruben"
    assert parsed.created_at
    assert [(block.page, block.section) for block in parsed.blocks] == [
        (1, ("Yard",)),
        (2, ("Yard", "Keys")),
        (3, ("Yard", "Hours")),
    ]


def test_a_scan_with_a_page_number_in_its_text_layer_is_read_by_ocr_on_its_side_too(tmp_path: Path) -> None:
    picture = Image.new("RGB", (1000, 300), "white")
    ImageDraw.Draw(picture).text((60, 100), "The yard is closed on Fridays", fill="black", font_size=60)
    picture.rotate(90, expand=True).save(tmp_path / "scan.png")
    canvas = Canvas(str(tmp_path / "mixed"), pagesize=(150, 500))
    canvas.drawImage(str(tmp_path / "scan.png"), 0, 0, 150, 500)
    canvas.drawString(10, 10, "7")
    canvas.save()

    parsed = parse_pdf(tmp_path / "mixed", "mixed.pdf")

    assert "The yard is closed on Fridays" in parsed.blocks[0].text
    boxes = [box for box in struct.iter_unpack("<4H", parsed.blocks[0].boxes) if any(box)]
    assert max(bottom for *_, bottom in boxes) - min(top for _, top, *_ in boxes) > 3000  # it runs along the page


def test_tesseract_reads_the_lines_that_the_packaged_model_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["level\tpage\tblock\tpar\tline\tword\tleft\ttop\twidth\theight\tconf\ttext"]
    rows += [f"5\t1\t1\t1\t1\t{n}\t{40 * n}\t10\t38\t20\t95.0\t{word}" for n, word in enumerate("안녕", 1)]
    program = tmp_path / "tesseract"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\nprintf '%s\\n' '{rows[0]}' '{rows[1]}' '{rows[2]}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    found = ocr._tesseract(np.zeros((50, 200, 3), np.uint8))

    assert found.lines == (("안녕", (40.0, 10.0, 118.0, 30.0), 0.95),)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert ocr._tesseract(np.zeros((50, 200, 3), np.uint8)).lines == ()


def _render_last_page(path: Path) -> Image.Image:
    with pdfium.PdfDocument(path) as pdf:
        image: Image.Image = pdf[len(pdf) - 1].render(scale=2).to_pil()
        return image
