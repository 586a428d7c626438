"""Plain text and Markdown."""

from pathlib import Path

import pytest

from ingest.parse.dispatch import parse
from ingest.parse.encodings import read_text
from ingest.parse.kinds import Kind
from ingest.parse.text import parse_markdown, parse_text
from rag.errors import EmptyDocument
from rag.types import Block

SAMPLES = Path(__file__).parents[3] / "samples"
GERMAN = "Die Prüfung dauert länger: größere Mengen müssen für die Übergabe gewogen werden. Das weiß der Schichtführer."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stored"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_told_from_the_bytes(path: Path, encoding: str) -> None:
    path.write_bytes(GERMAN.encode(encoding))

    assert read_text(path) == GERMAN


def test_line_ends_become_one_sign_and_zero_bytes_go(path: Path) -> None:
    path.write_bytes(b"one\r\ntwo\rthr\x00ee\n")

    assert read_text(path) == "one\ntwo\nthree\n"


def test_plain_text_is_one_block_named_after_its_file(path: Path) -> None:
    path.write_text("Six days.\n", encoding="utf-8")

    parsed = parse_text(path, "travel policy.txt")

    assert (parsed.title, parsed.blocks, parsed.pages) == ("travel policy", (Block(text="Six days.\n"),), None)


def test_markdown_is_cut_at_its_headings_and_knows_those_above(path: Path) -> None:
    path.write_text("# Rules\n\nFor all.\n\n## Leave ##\n\nSix days.\n\n### Partner\n\nTwo.\n\n## Pay\n\nMonthly.\n")

    parsed = parse_markdown(path, "rules.md")

    assert parsed.title == "Rules"
    assert [(block.section, block.text.splitlines()[-1]) for block in parsed.blocks] == [
        (("Rules",), "For all."),
        (("Rules", "Leave"), "Six days."),
        (("Rules", "Leave", "Partner"), "Two."),
        (("Rules", "Pay"), "Monthly."),
    ]


def test_a_heading_with_a_slash_is_one_heading(path: Path) -> None:
    path.write_text("# Travel / expenses\n\n## Car and/or train\n\nSix days.\n", encoding="utf-8")

    parsed = parse_markdown(path, "rules.md")

    assert parsed.blocks[-1].section == ("Travel / expenses", "Car and/or train")


def test_a_heading_may_end_with_a_hash_of_its_own(path: Path) -> None:
    path.write_text("# Programs in C#\n\nSix.\n", encoding="utf-8")

    assert parse_markdown(path, "rules.md").title == "Programs in C#"


def test_a_hash_within_a_code_block_is_no_heading(path: Path) -> None:
    path.write_text("# Rules\n\n```sh\n# install it\nmake\n```\n\nDone.\n", encoding="utf-8")

    parsed = parse_markdown(path, "rules.md")

    assert [block.section for block in parsed.blocks] == [("Rules",)]
    assert "# install it" in parsed.blocks[0].text


def test_front_matter_gives_the_title_and_is_no_text(path: Path) -> None:
    path.write_text('---\ntitle: "Travel rules"\nowner: People\n---\n# Start\n\nSix days.\n', encoding="utf-8")

    parsed = parse_markdown(path, "rules.md")

    assert parsed.title == "Travel rules"
    assert "owner" not in "".join(block.text for block in parsed.blocks)


def test_markdown_without_a_heading_is_named_after_its_file(path: Path) -> None:
    path.write_text("Six days.\n\n---\n\nSeven.\n", encoding="utf-8")

    parsed = parse_markdown(path, "rules.md")

    assert parsed.title == "rules"
    assert [block.section for block in parsed.blocks] == [()]


def test_no_line_of_a_markdown_sample_is_lost() -> None:
    sample = SAMPLES / "travel-and-expenses.md"

    parsed = parse_markdown(sample, sample.name)

    text = "\n".join(block.text for block in parsed.blocks)
    lines = sample.read_text(encoding="utf-8").splitlines()
    assert parsed.title == "Travel and Expenses Policy"
    assert [line for line in lines if line.strip(" |") not in text and not set(line) <= set("|- :")] == []


@pytest.mark.parametrize("content", ["   \n\t\n", "---\ntitle: Nothing\n---\n"])
def test_a_file_with_nothing_to_read_is_called_empty(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")

    with pytest.raises(EmptyDocument, match=r"rules\.md has no readable text"):
        parse(path, "rules.md", Kind.MARKDOWN)
