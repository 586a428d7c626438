"""The order of candidates: fused scores, a second hop through names, nothing said twice."""

import pytest

from rag.lexical.index import LexicalQuery, WeightedWord
from rag.lexical.words import chunk_words, query_words
from rag.ranking import Candidate, follow_names, fuse, ranked, select_hits
from rag.types import Hit


def candidate(
    text: str,
    document: str = "doc",
    *,
    n: int = 0,
    dense: float | None = None,
    lexical: float = 0.0,
    score: float = 0.0,
) -> Candidate:
    hit = Hit(
        chunk_id=f"{document}.1.{n}",
        document_id=document,
        version=1,
        title=f"{document} of 2025",
        text=text,
        context="",
        page=None,
        section=None,
        start=0,
        end=len(text),
        score=0.0,
    )
    return Candidate(hit=hit, words=chunk_words("", text, "en"), dense=dense, lexical=lexical, score=score)


def asked(text: str) -> LexicalQuery:
    words = tuple(WeightedWord(word=word, chunks=1, idf=1.0) for word in query_words(text, ["en"]))
    return LexicalQuery(words=words, most_idf=5.0, languages=("en",))


def order(candidates: list[Candidate]) -> list[str]:
    return [one.hit.text for one in ranked(candidates)]


def test_scores_are_fused_and_a_chunk_of_words_alone_is_as_close_as_the_last() -> None:
    both, words, vector = candidate("a", dense=0.5, lexical=0.5), candidate("b", lexical=1.0), candidate("c", dense=0.2)

    fuse([both, words, vector], unrelated=0.0)

    assert [one.score for one in (both, words, vector)] == pytest.approx([0.5, 0.6 * 0.2 + 0.4, 0.12])


def test_the_best_come_first_and_equal_ones_in_the_order_of_their_ids() -> None:
    candidates = [candidate("c", n=2, score=0.25), candidate("b", n=1, score=0.25), candidate("a", n=3, score=0.5)]

    assert order(candidates) == ["a", "b", "c"]


def test_a_cosine_counts_from_what_the_model_gives_unrelated_texts() -> None:
    near, middling = candidate("a", dense=0.9), candidate("b", dense=0.8)

    fuse([near, middling], unrelated=0.75)

    assert [near.score, middling.score] == pytest.approx([0.6 * 0.6, 0.6 * 0.2])


def test_a_chunk_is_reached_through_a_name_that_the_question_does_not_have() -> None:
    township = candidate("Van Hook Township lies in Mountrail County.", "a", score=0.8)
    seat = candidate("Stanley is the seat of Mountrail County.", "b", score=0.4)
    other = candidate("Linton is the seat of Emmons.", "c", score=0.45)
    candidates = [township, seat, other, *(candidate(f"filler {n}", f"f{n}", score=0.1) for n in range(6))]

    follow_names(candidates, asked("What is the seat of the county where Van Hook Township is?"))

    assert order(candidates)[:3] == [township.hit.text, seat.hit.text, other.hit.text]
    assert seat.via == township.hit.chunk_id
    assert seat.hop == pytest.approx(seat.score - 0.4)


def test_what_is_reached_never_outranks_its_bridge_and_names_in_the_question_lead_nowhere() -> None:
    bridge = candidate("Acme Tower is in Berlin.", "a", score=0.5)
    near = candidate("Berlin has a river.", "b", score=0.49)
    far = candidate("Acme Tower was built.", "c", score=0.3)
    candidates = [bridge, near, far, *(candidate(f"filler {n}", f"f{n}", score=0.0) for n in range(6))]

    follow_names(candidates, asked("Where is Acme Tower?"))

    assert near.score == 0.49
    assert (far.score, far.via) == (0.3, None)


def test_one_candidate_or_none_has_nothing_to_follow() -> None:
    alone = candidate("Mountrail County", score=0.5)

    follow_names([alone], asked("seat"))
    follow_names([], asked("seat"))

    assert alone.score == 0.5


def test_a_chunk_that_only_repeats_a_better_one_is_left_out() -> None:
    text = "Leave is asked for three days before it begins, by mail to the head of the department, who answers at once"
    better, copy = candidate(text, "a", score=0.9), candidate(text + ".", "b", score=0.8)

    hits = select_hits([copy, better], asked("leave"), top_k=5)

    assert [one.hit.document_id for one in hits] == ["a"]
    assert copy.dropped == "says nothing that a.1.0 does not say"


@pytest.mark.parametrize("change", [("three", "four"), ("is asked", "is not asked"), ("50", "60"), ("at once", "late")])
def test_a_chunk_that_differs_in_a_word_a_number_or_a_not_is_no_repetition(change: tuple[str, str]) -> None:
    text = "Leave is asked for three days before it begins, by mail to the head of department 50, who answers at once"
    first, second = candidate(text, "a", score=0.9), candidate(text.replace(*change), "b", score=0.8)

    assert len(select_hits([first, second], asked("leave"), top_k=5)) == 2


def test_one_document_has_no_more_than_its_share_while_others_have_hits() -> None:
    manual = [candidate(f"part {n} of one", "manual", n=n, score=0.9 - n / 100) for n in range(5)]
    other = candidate("another thing", "other", score=0.1)

    hits = select_hits([*manual, other], asked("parts"), top_k=4)

    assert [one.hit.chunk_id for one in hits] == ["manual.1.0", "manual.1.1", "other.1.0", "manual.1.2"]
    assert manual[3].dropped == "2 hits of its document are better"


def test_a_document_that_the_question_names_may_have_all_hits() -> None:
    manual = [candidate(f"part {n} of one", "manual", n=n, score=0.9 - n / 100) for n in range(5)]
    other = candidate("another thing", "other", score=0.1)

    hits = select_hits([*manual, other], asked("what says the manual of 2025"), top_k=4)

    assert {one.hit.document_id for one in hits} == {"manual"}
