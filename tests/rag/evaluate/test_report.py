"""What is printed: tables that fit a terminal, and the worst queries with what was found instead."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from rag.evaluate.measures import MEASURES
from rag.evaluate.report import differences, means, moved, times, worst
from rag.evaluate.runs import Result, Run
from rag.evaluate.sets import EvaluationSet, read_set

ISLANDS = Path(__file__).parents[2] / "sets" / "islands"
SLICES = {"": ["q1", "q2"], "topic=travel": ["q1"]}


@pytest.fixture
def evaluated() -> EvaluationSet:
    return read_set(ISLANDS, corpus={}, queries={})


def run(q1: float, q2: float) -> Run:
    found = (("faehre", 0.9), ("ferry", 0.8), ("bank", 0.5), ("kelp", 0.4), ("mail", 0.3))
    results = {
        query: Result(found=found, measures=dict.fromkeys(MEASURES, value)) for query, value in (("q1", q1), ("q2", q2))
    }
    return Run(set="islands", collection="eval-islands-1", history=False, modes={"dense": results})


def printed(*parts: RenderableType) -> str:
    said = io.StringIO()
    for part in parts:
        Console(file=said, width=80).print(part, soft_wrap=True)
    return said.getvalue()


def test_means_are_shown_with_their_interval_for_the_whole_and_each_slice() -> None:
    lines = printed(means(run(q1=0.5, q2=1), SLICES)).splitlines()

    assert lines[3].split()[:3] == ["dense,", "2", "0.750"]
    assert lines[4].split()[0] == "0.50-1.00"
    assert lines[5].split()[:3] == ["dense,", "1", "0.500"]
    assert lines[6].split()[:2] == ["topic=travel", "0.50-0.50"]


def test_differences_are_shown_with_how_many_queries_moved() -> None:
    lines = printed(differences(run(q1=0.5, q2=1), run(q1=0.25, q2=1), SLICES)).splitlines()

    assert lines[3].split()[:3] == ["dense,", "2", "+0.125"]
    assert lines[4].split()[:2] == ["+0.00", "+0.25"]
    assert lines[5].split()[:2] == ["+1", "-0"]


def timed(*took_ms: float, reranked: bool = False) -> Run:
    result = Result(found=(), measures={}, reranked=reranked)
    results = {f"q{n}": replace(result, took_ms=took) for n, took in enumerate(took_ms)}
    return Run(set="islands", collection="eval-islands-1", history=False, modes={"hybrid": results})


def test_times_are_told_beside_those_before_and_how_many_were_reranked() -> None:
    now, before = timed(*range(1, 101), reranked=True), timed(7.0, 9.0)

    assert list(times(now, before)) == [
        "hybrid: a search takes 50 ms, 95% within 95 ms; before 8 ms, 9 ms; 100 of 100 reranked"
    ]
    assert list(times(before, None)) == ["hybrid: a search takes 8 ms, 95% within 9 ms"]


def test_a_run_whose_times_were_not_kept_tells_none() -> None:
    assert list(times(run(q1=1, q2=1), None)) == []


def test_the_worst_query_is_told_with_its_answer_and_what_was_found_instead(evaluated: EvaluationSet) -> None:
    assert printed(*worst(run(q1=0.63, q2=1), "dense", evaluated, most=5)).splitlines() == [
        "The lowest ndcg@10, dense:",
        "0.63  q1  When does the ferry to Brindle leave?",
        "      answer, rank 2: The Brindle ferry (ferry)",
        "      found: Die Fähre nach Brindle (faehre)",
        "      found: The bank: opening hours (bank)",
        "      found: Kelp is cut on the north shore between the two equinoxes, ne (kelp)",
    ]


def test_an_answer_that_was_not_found_is_told(evaluated: EvaluationSet) -> None:
    said = printed(*worst(run(q1=1, q2=0), "dense", evaluated, most=1))

    assert "answer, not found: The lamp of Tarn Head (lamp)" in said


def test_queries_that_fell_and_rose_are_told_apart(evaluated: EvaluationSet) -> None:
    said = printed(*moved(run(q1=0.25, q2=1), run(q1=0.5, q2=0.75), "dense", evaluated, most=5)).splitlines()

    assert said[0:2] == [
        "Worse than before, dense: 1 queries, by ndcg@10",
        "0.50 -> 0.25  q1  When does the ferry to Brindle leave?",
    ]
    assert "0.75 -> 1.00  q2  What oil does the Tarn Head lighthouse burn?" in said


def test_no_list_is_printed_if_none_is_wanted(evaluated: EvaluationSet) -> None:
    assert list(worst(run(q1=0, q2=0), "dense", evaluated, most=0)) == []
    assert list(moved(run(q1=0, q2=0), run(q1=1, q2=1), "dense", evaluated, most=0)) == []
