"""Runs: kept in a file, and compared query by query."""

from pathlib import Path

import pytest

from rag.evaluate.errors import EvaluationFailed
from rag.evaluate.measures import MEASURES
from rag.evaluate.runs import Change, Result, Results, Run, changes, difference, estimate, load, ranks, save


def results(**ndcg: float) -> Results:
    return {
        query: Result(found=(("ferry", 0.8), ("lamp", 0.1)), measures=dict.fromkeys(MEASURES, value))
        for query, value in ndcg.items()
    }


def run(**ndcg: float) -> Run:
    return Run(set="islands", collection="eval-islands-1", history=False, modes={"dense": results(**ndcg)})


def test_a_run_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    save(run(q1=0.5, q2=1), tmp_path / "run.json")

    assert load(tmp_path / "run.json") == run(q1=0.5, q2=1)


def test_a_file_that_is_no_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("[]")

    with pytest.raises(EvaluationFailed, match=r"run\.json: it was not written by `rag eval --save`"):
        load(tmp_path / "run.json")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed, match="No such file or directory"):
        save(run(), tmp_path / "nowhere" / "run.json")


def test_the_query_that_lost_most_comes_first_and_new_queries_do_not_count() -> None:
    before, now = results(q1=1, q2=0.5, q3=0.2), results(q1=0.9, q2=0, q3=0.7, q4=1)

    assert changes(now, before) == [
        Change(query="q2", before=0.5, now=0),
        Change(query="q1", before=1, now=0.9),
        Change(query="q3", before=0.2, now=0.7),
    ]


def test_a_difference_is_that_of_the_same_queries() -> None:
    before = results(**{f"q{number}": number / 100 for number in range(100)})
    now = results(**{f"q{number}": number / 100 + 0.01 for number in range(100)})
    queries = list(before)

    rise = difference(now, before, "mrr", queries)

    assert (rise.value, rise.low, rise.high) == pytest.approx((0.01, 0.01, 0.01))
    assert estimate(now, "mrr", queries).high > estimate(before, "mrr", queries).high


def test_the_rank_of_every_answer_is_told() -> None:
    assert ranks(results(q1=0)["q1"], {"lamp": 1, "keeper": 2}) == {"lamp": 2, "keeper": None}
