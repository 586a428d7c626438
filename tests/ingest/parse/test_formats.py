"""The smaller formats, each from a file made here: headings, tables, metadata, and what no reader sees."""

import json
import zipfile
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml as element
from docx.oxml.ns import nsdecls

from ingest.parse.dispatch import parse
from ingest.parse.kinds import Kind, kind_of
from rag.errors import BrokenDocument, EmptyDocument, EncryptedDocument
from rag.types import Block, ParsedDocument

FILES = Path(__file__).parent / "files"
TABLE = ("Key | Place\nGate | Hut", "Key | Place")
ODF = (
    "<office:document-content xmlns:office='urn:oasis:names:tc:opendocument:xmlns:office:1.0'"
    " xmlns:text='urn:oasis:names:tc:opendocument:xmlns:text:1.0'"
    " xmlns:table='urn:oasis:names:tc:opendocument:xmlns:table:1.0'"
    " xmlns:style='urn:oasis:names:tc:opendocument:xmlns:style:1.0'"
    " xmlns:draw='urn:oasis:names:tc:opendocument:xmlns:drawing:1.0'"
    " xmlns:presentation='urn:oasis:names:tc:opendocument:xmlns:presentation:1.0'>{}</office:document-content>"
)
ODF_TABLE = (
    "<table:table><table:table-row><table:table-cell><text:p>Key</text:p></table:table-cell>"
    "<table:table-cell><text:p>Place</text:p></table:table-cell></table:table-row>"
    "<table:table-row><table:table-cell><text:p>Gate</text:p></table:table-cell>"
    "<table:table-cell><text:p>Hut</text:p></table:table-cell></table:table-row></table:table>"
)


def read(path: Path, content: str | bytes, name: str) -> ParsedDocument:
    file = path / "stored"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with file.open("rb") as opened:
        return parse(file, name, kind_of(opened, name))


def odf(path: Path, kind: Kind, body: str, manifest: str = "<manifest/>") -> bytes:
    with zipfile.ZipFile(path / "odf", "w") as archive:
        archive.writestr("mimetype", str(kind))
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", ODF.format(body))
        archive.writestr("meta.xml", "<m><creator>Ruben</creator><creation-date>2026-03-02</creation-date></m>")
    return (path / "odf").read_bytes()


def plain(document: ParsedDocument) -> list[tuple[tuple[str, ...], str]]:
    return [(block.section, block.text) for block in document.blocks]


def test_an_opendocument_text_keeps_headings_lists_notes_and_tables(tmp_path: Path) -> None:
    body = (
        "<office:styles><style:style style:name='P1' style:parent-style-name='Title'/></office:styles>"
        "<office:body><office:text><text:p text:style-name='P1'>Yard rules</text:p>"
        "<text:h text:outline-level='1'>Keys</text:h><text:p>Ask<text:s text:c='2'/>first.<text:note>"
        "<text:note-citation>1</text:note-citation><text:note-body><text:p>By phone.</text:p></text:note-body>"
        "</text:note></text:p>"
        "<text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>"
        f"{ODF_TABLE}<text:tracked-changes><text:p>gone</text:p></text:tracked-changes></office:text></office:body>"
    )

    document = read(tmp_path, odf(tmp_path, Kind.ODT, body), "rules.odt")

    assert (document.title, document.author, document.created_at) == ("Yard rules", "Ruben", "2026-03-02")
    assert plain(document) == [
        ((), "Yard rules"),
        (("Keys",), "Keys\n\nAsk first. [By phone.]\n\n- one"),
        (("Keys",), TABLE[0]),
    ]
    assert document.blocks[2].header == TABLE[1]


def test_an_opendocument_presentation_has_a_page_a_slide(tmp_path: Path) -> None:
    body = (
        "<office:body><office:presentation><draw:page><draw:frame presentation:class='title'><draw:text-box>"
        "<text:p>Keys</text:p></draw:text-box></draw:frame><draw:frame><draw:text-box><text:p>Ask first.</text:p>"
        "</draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Smile.</text:p>"
        "</draw:text-box></draw:frame></presentation:notes></draw:page></office:presentation></office:body>"
    )

    document = read(tmp_path, odf(tmp_path, Kind.ODP, body), "rules.odp")

    assert (document.title, document.pages) == ("Keys", 1)
    assert [(block.page, block.section, block.text) for block in document.blocks] == [
        (1, ("Keys",), "Keys\n\nAsk first."),
        (1, ("Keys", "Notes"), "Smile."),
    ]


def test_an_opendocument_with_a_password_is_called_encrypted(tmp_path: Path) -> None:
    locked = odf(tmp_path, Kind.ODT, "", "<manifest><encryption-data/></manifest>")

    with pytest.raises(EncryptedDocument, match=r"rules\.odt needs a password"):
        read(tmp_path, locked, "rules.odt")


def test_a_book_is_read_in_the_order_of_its_spine(tmp_path: Path) -> None:
    package = (
        "<package xmlns:dc='http://purl.org/dc/elements/1.1/'><metadata><dc:title>Yard book</dc:title>"
        "<dc:creator>Ruben</dc:creator><dc:language>en-GB</dc:language><dc:date>2026-03-02</dc:date></metadata>"
        "<manifest><item id='a' href='a.xhtml'/><item id='b' href='b.xhtml'/></manifest>"
        "<spine><itemref idref='b'/><itemref idref='a'/></spine></package>"
    )
    with zipfile.ZipFile(tmp_path / "book", "w") as archive:
        archive.writestr("META-INF/container.xml", "<c><rootfile full-path='in/book.opf'/></c>")
        archive.writestr("in/book.opf", package)
        archive.writestr("in/a.xhtml", "<html><body><h1>Two</h1><p>Closed.</p></body></html>")
        archive.writestr("in/b.xhtml", "<html><body><h1>One</h1><p>Open.</p></body></html>")

    document = read(tmp_path, (tmp_path / "book").read_bytes(), "book")

    assert (document.title, document.author, document.language) == ("Yard book", "Ruben", "en-GB")
    assert plain(document) == [(("One",), "One\n\nOpen."), (("Two",), "Two\n\nClosed.")]


def test_rich_text_has_headings_and_says_who_wrote_it(tmp_path: Path) -> None:
    text = (
        r"{\rtf1\ansi{\info{\title Yard rules}{\author Ren\'e9}{\creatim\yr2026\mo3\dy2}}{\b Keys}\par Ask first.\par}"
    )

    document = read(tmp_path, text, "rules.rtf")

    assert (document.title, document.author, document.created_at) == ("Yard rules", "René", "2026-03-02")
    assert plain(document) == [(("Keys",), "Keys\n\nAsk first.")]


def test_footnotes_of_a_word_file_follow_the_paragraph_they_belong_to(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("The yard is closed")
    paragraph.add_run()._r.append(element(f'<w:footnoteReference {nsdecls("w")} w:id="2"/>'))
    document.add_paragraph("Ask the porter.")
    document.save(str(tmp_path / "notes.docx"))
    note = '<w:footnote w:id="2"><w:p><w:r><w:t>Except on Mondays.</w:t></w:r></w:p></w:footnote>'
    with zipfile.ZipFile(tmp_path / "notes.docx", "a") as archive:
        archive.writestr("word/footnotes.xml", f"<w:footnotes {nsdecls('w')}>{note}</w:footnotes>")

    texts = plain(read(tmp_path, (tmp_path / "notes.docx").read_bytes(), "notes.docx"))

    assert texts == [((), "The yard is closed[2]\n\n[2] Except on Mondays.\n\nAsk the porter.")]


def test_text_boxes_of_a_word_file_are_read_where_they_belong(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("The yard is closed.")
    box = f"<w:txbxContent {nsdecls('w')}><w:p><w:r><w:t>Except on Mondays.</w:t></w:r></w:p></w:txbxContent>"
    paragraph.add_run()._r.append(element(f"<w:pict {nsdecls('w')}>{box}</w:pict>"))
    document.add_paragraph("Ask the porter.")
    document.save(str(tmp_path / "boxes.docx"))

    texts = plain(read(tmp_path, (tmp_path / "boxes.docx").read_bytes(), "boxes.docx"))

    assert texts == [((), "The yard is closed.\n\nExcept on Mondays.\n\nAsk the porter.")]


@pytest.mark.parametrize("special", ["application/vnd.ms-word.document.macroEnabled.main+xml"])
def test_a_word_file_with_macros_is_read_and_they_are_not_run(tmp_path: Path, special: str) -> None:
    document = docx.Document()
    document.add_heading("Keys", 1)
    document.save(str(tmp_path / "plain.docx"))
    with zipfile.ZipFile(tmp_path / "plain.docx") as source, zipfile.ZipFile(tmp_path / "macro.docm", "w") as target:
        for name in source.namelist():
            main = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
            target.writestr(name, source.read(name).replace(main, special.encode()))

    assert plain(read(tmp_path, (tmp_path / "macro.docm").read_bytes(), "macro.docm")) == [(("Keys",), "Keys")]


def test_an_old_workbook_is_read_without_another_program() -> None:
    document = parse(FILES / "keys.xls", "keys.xls", Kind.XLS)

    assert document.blocks == (
        Block(
            text="Key | Place | Since\nGate | Porter | 2024-03-01\nCrane | Workshop | 2023-11-15",
            section=("keys",),
            is_table=True,
            header="Key | Place | Since",
        ),
    )


def test_markdown_tables_are_tables_and_underlined_lines_headings(tmp_path: Path) -> None:
    text = "Yard\n====\n\nAsk.\n\n| Key | Place |\n|---|:-:|\n| Gate | Hut |\n\nKeys\n----\n```\n| a |\n|---|\n```\n"

    document = read(tmp_path, text, "rules.md")

    assert [(block.section, block.is_table) for block in document.blocks] == [
        (("Yard",), False),
        (("Yard",), True),
        (("Yard", "Keys"), False),
    ]
    assert (document.blocks[1].text, document.blocks[1].header) == TABLE


def test_restructured_text_is_cut_at_its_headings_and_includes_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    table = "=====  =====\nKey    Place\n=====  =====\nGate   Hut\n=====  =====\n"
    text = f"Yard\n====\n\nRules.\n\nKeys\n----\n\n- one\n- two\n\n.. include:: {secret}\n\n{table}"

    document = read(tmp_path, text, "rules.rst")

    assert document.title == "Yard"
    assert plain(document)[-2:] == [(("Yard", "Keys"), "Keys\n\n- one\n- two"), (("Yard", "Keys"), TABLE[0])]
    assert "secret" not in str(document)


def test_json_is_read_as_paths_and_values(tmp_path: Path) -> None:
    document = read(
        tmp_path, json.dumps({"title": "Yard", "keys": [{"name": "Gate", "in": ["Hut", "Hall"]}]}), "a.json"
    )

    assert document.title == "Yard"
    assert plain(document) == [(("keys",), "[1].name: Gate\n[1].in: Hut\n[1].in: Hall"), ((), "title: Yard")]


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, "{'no': json}"])
def test_json_that_is_none_or_too_deep_is_called_broken(tmp_path: Path, text: str) -> None:
    with pytest.raises(BrokenDocument):
        read(tmp_path, text, "a.json")


def test_a_notebooks_cells_are_read_under_their_headings(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Yard\n", "Closed."]},
        {"cell_type": "code", "source": "1 + 1", "outputs": [{"data": {"text/plain": ["2"], "image/png": "aGk="}}]},
    ]

    document = read(tmp_path, json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}), "yard.ipynb")

    assert document.title == "Yard"
    assert plain(document) == [(("Yard",), "# Yard\nClosed.\n\n```\n1 + 1\n```\n\n```\n2\n```")]


def test_a_transcript_says_who_speaks_and_when(tmp_path: Path) -> None:
    cues = "00:01.000 --> 00:02.000 align:left\n<v Ann>Hello\n\n00:02.000 --> 00:03.000\n<v Ann>you &amp; <i>me</i>\n"
    text = f"WEBVTT - Yard talk\n\nNOTE secret\n\n{cues}\n1\n01:00:04.000 --> 01:00:05.000\n<v Bob>Yes\n"

    document = read(tmp_path, text, "talk.vtt")

    assert document.title == "Yard talk"
    assert plain(document) == [((), "[00:01] Ann: Hello you & me\n\n[01:00:04] Bob: Yes")]


def test_xml_is_read_as_names_and_values(tmp_path: Path) -> None:
    text = (
        "<rules xml:lang='en'><title>Yard</title><key id='7'><name>Gate</name><at>in <b>the</b> hut</at></key></rules>"
    )

    document = read(tmp_path, text, "rules.xml")

    assert (document.title, document.language) == ("Yard", "en")
    assert plain(document) == [((), "title: Yard"), (("key",), "name: Gate\nat: in the hut")]


def test_xml_reads_no_other_file_and_expands_no_bomb(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    outside = f"<!DOCTYPE a [<!ENTITY x SYSTEM 'file://{tmp_path}/secret'>]><a>&x;</a>"
    with pytest.raises(EmptyDocument):
        read(tmp_path, outside, "a.xml")

    levels = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))
    with pytest.raises((BrokenDocument, EmptyDocument)):
        read(tmp_path, f"<!DOCTYPE a [<!ENTITY e0 'ha'>{levels}]><a>&e9;</a>", "a.xml")


def test_a_web_page_says_what_it_is(tmp_path: Path) -> None:
    head = "<html lang=de><head><title>Hof</title><meta name=author content=Ruben><meta name=date content=2026-03-02>"

    document = read(tmp_path, f"{head}</head><body><p>Geschlossen.</p></body></html>", "hof.html")

    assert (document.title, document.author) == ("Hof", "Ruben")
    assert (document.created_at, document.language) == ("2026-03-02", "de")


def test_bold_lines_are_headings_where_a_web_page_has_no_others(tmp_path: Path) -> None:
    page = "<p><b>Keys</b></p><p>Ask <b>first</b>.</p><p style='font-weight:700'>Hours</p><p>Six.</p>"

    assert plain(read(tmp_path, f"<html><body>{page}</body></html>", "a.html")) == [
        (("Keys",), "Keys\n\nAsk first."),
        (("Hours",), "Hours\n\nSix."),
    ]


def test_a_page_of_deeply_nested_elements_is_read_and_a_bottomless_one_called_broken(tmp_path: Path) -> None:
    def nested(depth: int) -> str:
        return f"<html><body>{'<div>' * depth}deep down{'</div>' * depth}</body></html>"

    assert plain(read(tmp_path, nested(1500), "deep.html")) == [((), "deep down")]
    with pytest.raises(BrokenDocument, match="nested too deeply"):
        read(tmp_path, nested(5000), "deep.html")
