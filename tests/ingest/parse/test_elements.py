"""Office, web and mail formats, read from the samples."""

import sys
from functools import cache
from pathlib import Path

import pytest

import ingest.parse.elements  # noqa: F401  # puts the stand-ins in place before unstructured is imported
from ingest.parse import nlp
from ingest.parse.dispatch import parse
from ingest.parse.kinds import EXTENSIONS, Kind
from rag.errors import BrokenDocument
from rag.sentences import sentences
from rag.types import Block, ParsedDocument

SAMPLES = Path(__file__).parents[3] / "samples"


@cache
def sample(name: str) -> ParsedDocument:
    return parse(SAMPLES / name, name, EXTENSIONS[Path(name).suffix])


def text_of(parsed: ParsedDocument) -> str:
    return "\n\n".join(block.text for block in parsed.blocks)


def written(folder: Path, content: str, suffix: str) -> ParsedDocument:
    path = folder / "stored"
    path.write_text(content, encoding="utf-8")
    return parse(path, f"page{suffix}", EXTENSIONS[suffix])


def test_the_stand_ins_are_those_that_unstructured_uses() -> None:
    """They replace modules by name. This fails if a new release moves them: see ingest/parse/nlp.py."""
    import unstructured
    from unstructured.partition import text_type

    folder = Path(unstructured.__file__).parent / "nlp"
    assert (folder / "tokenize.py").is_file()
    assert (folder / "english_words.py").is_file()
    used = vars(text_type)
    assert used["pos_tag"] is nlp._pos_tag
    assert used["sent_tokenize"] is sentences
    assert used["word_tokenize"] is str.split
    assert "zebrafish-3000" in used["ENGLISH_WORDS"]
    assert {"spacy", "nltk"}.isdisjoint(sys.modules)


def test_a_word_documents_headings_are_the_sections_of_its_text() -> None:
    parsed = sample("information-security-policy.docx")

    assert (parsed.title, parsed.pages) == ("Information Security Policy", None)
    accounts = next(block for block in parsed.blocks if block.section == ("3. Accounts and passwords",))
    assert accounts.text.startswith("3. Accounts and passwords\n\n- A password has at least 14 characters.")
    assert {block.page for block in parsed.blocks} == {None}


def test_a_word_table_is_a_block_with_its_rows_and_header_row() -> None:
    parsed = sample("information-security-policy.docx")

    table = next(block for block in parsed.blocks if block.section == ("6. How long we keep data",))

    assert table.is_table
    assert table.header == "Data | Kept for | Then"
    assert table.text.splitlines()[0] == table.header
    assert "Visitor book | 90 days | deleted" in table.text.splitlines()


def test_slides_are_pages_and_their_titles_are_sections() -> None:
    parsed = sample("all-hands-april-2025.pptx")

    assert (parsed.title, parsed.pages) == ("All-hands meeting, 15 April 2025", 7)
    people = [block for block in parsed.blocks if block.page == 6]
    assert [block.section for block in people] == [("People",), ("People", "Notes")]
    assert "Profit bonus: £850 for each employee" in people[0].text


def test_a_table_on_a_slide_keeps_its_slide_and_header() -> None:
    table = next(block for block in sample("all-hands-april-2025.pptx").blocks if block.is_table)

    assert (table.page, table.section, table.header) == (
        2,
        ("The year in numbers",),
        "Key figure | 2023/24 | 2024/25",
    )
    assert "Revenue | £56.7 million | £61.8 million" in table.text.splitlines()


def test_a_mails_subject_is_its_title_and_its_body_is_there_once() -> None:
    parsed = sample("gearbox-supplier-decision.eml")

    assert parsed.title == "Re: Gearbox supplier for the Plover 300 - decision"
    assert text_of(parsed).count("Halden & Royle becomes second source") == 1
    assert "<p>" not in text_of(parsed)


def test_a_web_pages_headings_nest_and_its_tables_keep_their_headers() -> None:
    parsed = sample("it-service-catalogue.html")

    assert parsed.title == "IT service catalogue"
    table = next(block for block in parsed.blocks if block.is_table)
    assert table.section == ("IT service catalogue", "Services and delivery times")
    assert table.header == "Service | Order code | Delivery time | Approval"
    assert "Mobile telephone | IT-M02 | 6 working days | line manager" in table.text.splitlines()


@pytest.mark.parametrize(
    "hidden", ["window.intranet", "toggleMenu", ".banner", "page-id 20417", "This browser stores a cookie", "Most read"]
)
def test_scripts_styles_menus_and_footers_of_a_web_page_are_not_read(hidden: str) -> None:
    assert hidden not in text_of(sample("it-service-catalogue.html"))


@pytest.mark.parametrize(
    "markup",
    [
        "<script>secret()</script>",
        "<style>secret</style>",
        "<!-- secret -->",
        "<template>secret</template>",
        "<noscript>secret</noscript>",
        "<p hidden>secret</p>",
        '<p style="display: none">secret</p>',
        '<div style="visibility:hidden"><p>secret</p></div>',
        '<input type="hidden" value="secret">',
    ],
)
def test_what_a_reader_of_a_web_page_does_not_see_is_not_read(tmp_path: Path, markup: str) -> None:
    parsed = written(tmp_path, f"<html><body><h1>Leave</h1>{markup}<p>Six days.</p></body></html>", ".html")

    assert parsed.blocks == (Block(text="Leave\n\nSix days.", section=("Leave",)),)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_web_pages_encoding_is_told_from_its_bytes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "stored"
    page = "<html><body><p>Die größere Übergabe dauert länger, weil die Prüfung später beginnt.</p></body></html>"
    path.write_bytes(page.encode(encoding))

    parsed = parse(path, "page.html", Kind.HTML)

    assert text_of(parsed) == "Die größere Übergabe dauert länger, weil die Prüfung später beginnt."


def test_a_web_page_with_an_xml_declaration_is_read(tmp_path: Path) -> None:
    parsed = written(
        tmp_path, '<?xml version="1.0" encoding="utf-8"?><html><body><p>Six days.</p></body></html>', ".html"
    )

    assert text_of(parsed) == "Six days."


def test_the_text_between_two_headings_is_one_block(tmp_path: Path) -> None:
    page = "<h1>A</h1><p>One.</p><ul><li>two</li></ul><h2>B</h2><p>Three.</p><h1>C</h1><p>Four.</p>"

    parsed = written(tmp_path, f"<html><body>{page}</body></html>", ".html")

    assert parsed.blocks == (
        Block(text="A\n\nOne.\n\n- two", section=("A",)),
        Block(text="B\n\nThree.", section=("A", "B")),
        Block(text="C\n\nFour.", section=("C",)),
    )


def test_rich_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    path.write_text(r"{\rtf1\ansi The spare key hangs in the red box behind the counter.}", encoding="ascii")

    parsed = parse(path, "key.rtf", Kind.RTF)

    assert text_of(parsed) == "The spare key hangs in the red box behind the counter."


@pytest.mark.parametrize("kind", [Kind.DOCX, Kind.PPTX, Kind.XLSX, Kind.ODT, Kind.EPUB])
def test_a_damaged_file_is_called_broken_and_named(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "stored"
    path.write_bytes(b"PK\x03\x04 damaged")

    with pytest.raises(BrokenDocument, match=f"rules could not be read as {kind.name}"):
        parse(path, "rules", kind)
