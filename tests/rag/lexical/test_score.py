"""BM25 from the words of candidates alone."""

import math

import pytest

from rag.lexical.index import LexicalQuery, WeightedWord
from rag.lexical.score import lexical_scores
from rag.lexical.words import QueryWord


def query(**idf: float) -> LexicalQuery:
    words = [WeightedWord(word=QueryWord(forms=(form,)), chunks=1, idf=weight) for form, weight in idf.items()]
    return LexicalQuery(words=tuple(words), most_idf=9.0)


def test_the_score_is_bm25_as_a_share_of_the_querys_weight() -> None:
    """Two chunks of the mean length: a word once has idf * 2.2 / 2.2, twice idf * 4.4 / 3.2; the most is idf * 2.2."""
    scores = lexical_scores(query(leave=2.0), ["leave rule day", "leave leave day"])

    assert scores.tolist() == pytest.approx([1 / 2.2, 4.4 / 3.2 / 2.2])


def test_a_longer_chunk_has_less_and_a_rarer_word_more() -> None:
    long, short = lexical_scores(query(leave=2.0), ["leave a b c d e f g", "leave a"])
    rare, common = lexical_scores(query(knife=4.0, leave=1.0), ["knife x", "leave x"])

    assert 0 < long < short
    assert rare == pytest.approx(4 * common)


def test_words_that_stand_together_as_in_the_query_count_more() -> None:
    apart, together = lexical_scores(query(tape=2.0, knife=2.0), ["knife of tape", "tape knife of"])

    assert apart == pytest.approx(1 / 2.2)
    assert together == pytest.approx((2 + 2 + 0.7 * 4) / (4 * 2.2))


def test_neighbours_that_repeat_are_all_counted() -> None:
    once, thrice = lexical_scores(query(no=1.0), ["no b c", "no no no"])

    assert thrice / once == pytest.approx(3 * 2.2 / (3 + 1.2))


def test_a_word_counts_in_any_of_its_forms() -> None:
    word = WeightedWord(word=QueryWord(forms=("fenst", "fenster")), chunks=1, idf=2.0)
    german, english, none = lexical_scores(LexicalQuery(words=(word,), most_idf=9.0), ["fenst a", "fenster a", "b a"])

    assert german == english > none == 0


def test_no_query_and_no_chunk_score_nothing() -> None:
    assert lexical_scores(LexicalQuery(), ["a b", ""]).tolist() == [0.0, 0.0]
    assert lexical_scores(query(a=math.pi), []).tolist() == []
