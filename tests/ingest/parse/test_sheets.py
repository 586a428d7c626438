"""Spreadsheets and CSV."""

from pathlib import Path

import openpyxl

from ingest.parse.sheets import parse_csv, parse_sheets

SAMPLES = Path(__file__).parents[3] / "samples"


def test_every_sheet_of_a_workbook_is_a_table_under_its_name() -> None:
    parsed = parse_sheets(SAMPLES / "price-list-2025.xlsx", "price-list-2025.xlsx")

    assert [block.section for block in parsed.blocks] == [
        ("Machines",),
        ("Spare parts",),
        ("Service contracts",),
        ("Discounts and terms",),
    ]
    parts = parsed.blocks[1]
    assert parts.header == "Part number | Description | Fits | Price (GBP) | Stock | Wearing part"
    assert any(row.startswith("NP-30117 | ") and " | 86 | " in row for row in parts.text.splitlines())


def test_a_csv_file_is_one_table_with_its_first_row_as_header() -> None:
    parsed = parse_csv(SAMPLES / "training-courses.csv", "training-courses.csv")

    assert parsed.title == "training-courses"
    assert [block.is_table for block in parsed.blocks] == [True]
    rows = parsed.blocks[0].text.splitlines()
    assert len(rows) == 17
    assert rows[0].startswith("code | title | mandatory_for")
    assert rows[1].startswith("HSE-110 | Hall safety and yellow line briefing | production; stores; service | ")


def test_rows_apart_from_each_other_are_tables_of_their_own_and_hidden_sheets_none(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (["City", "Desks"], ["Leeds", 40], [None, None], ["Code", "Meaning"], ["A1", "open"]):
        sheet.append(row)
    book.create_sheet("Notes").sheet_state = "hidden"
    book["Notes"].append(["not for readers"])
    book.save(tmp_path / "two.xlsx")

    parsed = parse_sheets(tmp_path / "two.xlsx", "two.xlsx")

    assert [block.text for block in parsed.blocks] == ["City | Desks\nLeeds | 40", "Code | Meaning\nA1 | open"]
    assert [block.header for block in parsed.blocks] == ["City | Desks", "Code | Meaning"]


def test_a_csv_file_with_semicolons_is_split_at_them(tmp_path: Path) -> None:
    (tmp_path / "prices").write_text("part;price, net\nbelt;12,50\nroll;3,20\n", encoding="utf-8")

    parsed = parse_csv(tmp_path / "prices", "prices.csv")

    assert parsed.blocks[0].text == "part | price, net\nbelt | 12,50\nroll | 3,20"
