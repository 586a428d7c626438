"""What readers are shown of outputs made by hand, good ones and false ones: tests/rag/outputs.toml."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rag.citations import MARK, Checked, check
from rag.types import Hit

CORPUS = tomllib.loads((Path(__file__).parent / "outputs.toml").read_text(encoding="utf-8"))
Case = Mapping[str, Any]


def shown(case: Case) -> Checked:
    return check(case["output"].strip(), hits(case), case.get("question", ""))


def hits(case: Case) -> list[Hit]:
    return [
        Hit(
            chunk_id=f"{name}.1.0",
            document_id=name,
            version=1,
            title=name,
            text=CORPUS["passages"][name]["text"],
            context=CORPUS["passages"][name]["context"],
            page=2,
            section="Section",
            start=100,
            end=100 + len(CORPUS["passages"][name]["text"]),
            score=0.5,
        )
        for name in case["sources"]
    ]


def named(case: Case) -> str:
    return str(case["name"])


@pytest.mark.parametrize("case", CORPUS["good"], ids=named)
def test_a_good_output_is_shown_with_its_marks(case: Case) -> None:
    checked = shown(case)

    assert checked.answer == case.get("answer", case["output"]).strip()
    assert checked.dropped_marks == case.get("dropped", 0)


@pytest.mark.parametrize("case", CORPUS["false"], ids=named)
def test_what_no_source_states_is_not_shown_and_its_marks_are_counted(case: Case) -> None:
    checked = shown(case)

    assert checked.answer == case.get("answer", "").strip()
    assert case.get("false", case["output"]) not in checked.answer
    assert checked.dropped_marks == case.get(
        "dropped", len(MARK.findall(case["output"])) if "answer" not in case else 0
    )


@pytest.mark.parametrize("case", CORPUS["good"] + CORPUS["false"], ids=named)
def test_every_mark_shown_has_its_quote_in_the_passage_at_its_span(case: Case) -> None:
    checked = shown(case)

    assert [citation.n for citation in checked.citations] == [int(n) for n in re.findall(r"\[(\d+)\]", checked.answer)]
    for citation in checked.citations:
        hit = hits(case)[citation.n - 1]
        assert citation.quote == hit.text[citation.start - hit.start : citation.end - hit.start] != ""
        assert (citation.page, citation.section) == (2, "Section")
