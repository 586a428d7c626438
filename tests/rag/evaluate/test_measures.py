"""Measures against values worked out by hand, and their intervals."""

from math import log2

import pytest

from rag.evaluate.measures import estimated, measured


def test_the_measures_are_those_of_the_textbook() -> None:
    found = measured({"q": {"a": 1, "b": 1}}, {"q": ["x", "a", "y", "b"]})["q"]

    gain, best = 1 / log2(3) + 1 / log2(5), 1 + 1 / log2(3)
    assert found == pytest.approx(
        {"ndcg@10": gain / best, "recall@5": 1, "recall@10": 1, "recall@50": 1, "mrr": 0.5}, abs=1e-6
    )


def test_a_higher_grade_gains_more() -> None:
    found = measured({"q": {"a": 2, "b": 1}}, {"q": ["b", "a"]})["q"]

    assert found["ndcg@10"] == pytest.approx((1 + 2 / log2(3)) / (2 + 1 / log2(3)), abs=1e-6)


def test_each_recall_looks_as_far_as_its_name_says() -> None:
    ranking = [f"x{number}" for number in range(60)]
    ranking[4], ranking[9], ranking[49], ranking[50] = "a", "b", "c", "d"

    found = measured({"q": dict.fromkeys("abcd", 1)}, {"q": ranking})["q"]

    assert [found[f"recall@{depth}"] for depth in (5, 10, 50)] == [0.25, 0.5, 0.75]


def test_a_query_that_found_nothing_counts_as_nought() -> None:
    found = measured({"p": {"a": 1}, "q": {"a": 1}}, {"p": ["a"], "q": []})

    assert (found["p"]["mrr"], found["q"]["mrr"], found["q"]["ndcg@10"]) == (1, 0, 0)


def test_an_interval_holds_the_mean_and_is_the_same_at_every_call() -> None:
    coins = [0.0, 1.0] * 50

    found = estimated(coins)

    assert (found.value, found.n) == (0.5, 100)
    assert found.low == pytest.approx(0.4, abs=0.02)  # 1.96 standard errors of 0.05
    assert found.high == pytest.approx(0.6, abs=0.02)
    assert estimated(coins) == found


def test_equal_values_leave_nothing_uncertain() -> None:
    found = estimated([0.25] * 8)

    assert (found.low, found.value, found.high) == (0.25, 0.25, 0.25)
