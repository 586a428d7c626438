"""Evidence: what hits must be like for an answer to be written, with a real embedder's client and a model of words."""

from collections.abc import Iterator

import pytest

from rag.embed import Embedder
from rag.evidence import NO_EVIDENCE, Evidence, doubt, nearest, weigh
from rag.types import Hit
from tests.workshop import embedder as embedding_server

QUESTION = "how many days of leave does everyone have"
ANSWER = "everyone here does have six days of leave in a year"
OTHER = "the ferry to brindle leaves the pier at noon on sundays"


@pytest.fixture(scope="module")
def embedder() -> Iterator[Embedder]:
    with embedding_server({"words": 96}) as url:
        yield Embedder("words", url)


def hit(text: str, score: float, *, title: str = "Handbook", page: int | None = None) -> Hit:
    return Hit(
        chunk_id=f"doc_1.1.{text[:9]}{score}",
        document_id="doc_1",
        version=1,
        title=title,
        text=text,
        context="",
        page=page,
        section=None,
        start=0,
        end=len(text),
        score=score,
    )


def weighed(embedder: Embedder, *hits: Hit) -> Evidence:
    return weigh(hits, embedder.embed_query(QUESTION), embedder)


def test_a_sentence_that_answers_is_found_in_a_long_passage(embedder: Embedder) -> None:
    passage = f"{OTHER.capitalize()}. {ANSWER.capitalize()}. {OTHER.capitalize()}."

    buried, missing = weighed(embedder, hit(passage, 0.6)), weighed(embedder, hit(OTHER, 0.6))

    assert buried.closeness == pytest.approx(weighed(embedder, hit(ANSWER, 0.6)).closeness, abs=0.15)
    assert buried.probability > 0.5
    assert missing.probability < 0.25


def test_hits_that_are_all_as_good_are_less_evidence_than_one_that_leads(embedder: Embedder) -> None:
    one_leads = weighed(embedder, hit(ANSWER, 0.9), hit(OTHER, 0.3), hit(OTHER, 0.3))
    all_alike = weighed(embedder, hit(ANSWER, 0.9), hit(OTHER, 0.9), hit(OTHER, 0.9))

    assert [one_leads.lead, all_alike.lead] == pytest.approx([0.6, 0])
    assert one_leads.closeness == all_alike.closeness
    assert one_leads.probability > all_alike.probability


def test_a_rerankers_order_changes_no_lead(embedder: Embedder) -> None:
    hits = [hit(ANSWER, 0.9), hit(OTHER, 0.5), hit(OTHER, 0.1)]

    assert weighed(embedder, *hits).lead == weighed(embedder, *reversed(hits)).lead == pytest.approx(0.6)


def test_a_passage_without_a_long_sentence_is_compared_whole(embedder: Embedder) -> None:
    assert weighed(embedder, hit("six days leave", 0.5)).closeness > weighed(embedder, hit("noon", 0.5)).closeness


def test_without_hits_there_is_no_evidence(embedder: Embedder) -> None:
    assert weighed(embedder) == NO_EVIDENCE
    assert doubt([], NO_EVIDENCE, 0.0) == "no passage was found"


def test_doubt_says_how_much_evidence_there_is_and_how_much_is_wanted() -> None:
    said = doubt([hit(OTHER, 0.1)], Evidence(probability=0.118), 0.25)

    assert said == "the passages answer it with a probability of 0.12, under 0.25"
    assert doubt([hit(ANSWER, 0.9)], Evidence(probability=0.25), 0.25) == ""


def test_the_nearest_documents_are_named_once_with_their_pages_and_three_at_most() -> None:
    hits = [hit("a", 0.5, page=2), hit("b", 0.4, page=2), hit("c", 0.3, title="Rules"), hit("d", 0.2, page=9)]

    assert nearest(hits) == "Nearest to the question: Handbook (page 2); Rules; Handbook (page 9)."
    assert nearest([*hits, hit("e", 0.1, title="Fourth")]) == nearest(hits)
    assert nearest([]) == ""
