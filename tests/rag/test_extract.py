"""The sentences that are quoted: which, how, and when none is."""

from collections.abc import Iterator

import pytest

from rag.embed import Embedder
from rag.extract import closest_sentences, extract
from rag.model import Model
from rag.settings import EmbedderSettings
from rag.tokens import PACKAGED
from rag.types import Hit
from tests.http_server import Exchange, serving

MANUAL = "7.2 Replacing the tape knife\n\nPut the old tape knife into the box. Tighten the screws of the knife to 9 Nm."
SCHEDULE = "Part | Work | Interval\nFilter | wash | weekly\nTape knife | replace | every 400,000 cases"


@pytest.fixture(scope="module")
def embedder() -> Iterator[Embedder]:
    """A client of the packaged model."""
    model = Model(EmbedderSettings())

    def embed(exchange: Exchange) -> None:
        vectors = model.encode(exchange.body["input"])
        exchange.send_json({"data": [{"index": n, "embedding": one.tolist()} for n, one in enumerate(vectors)]})

    def listed(exchange: Exchange) -> None:
        exchange.send_json({"data": [{"id": PACKAGED, "max_model_len": model.max_tokens}]})

    with serving({"/v1/models": listed, "/v1/embeddings": embed}) as server:
        yield Embedder(PACKAGED, server.url)


def hit(text: str, section: str, n: int = 1, score: float = 0.5) -> Hit:
    return Hit(
        chunk_id=f"doc_{n}.1.0",
        document_id=f"doc_{n}",
        version=1,
        title="Plover 300",
        text=text,
        context=f"Plover 300 > {section}",
        page=5,
        section=section,
        start=100,
        end=100 + len(text),
        score=score,
    )


HITS = [hit(MANUAL, "7.2 Replacing the tape knife"), hit(SCHEDULE, "7.1 Schedule", 2)]


def test_the_row_that_answers_is_told_in_words_and_quoted_as_it_stands(embedder: Embedder) -> None:
    answer, citations = extract("How often is the tape knife of the Plover 300 replaced?", HITS, embedder)

    assert answer.splitlines()[0] == (
        "7.1 Schedule: Part: Tape knife; Work: replace; Interval: every 400,000 cases [2]"
    )
    first = citations[0]
    assert (first.quote, first.page, first.section) == (
        "Tape knife | replace | every 400,000 cases", 5, "7.1 Schedule"
    )  # fmt: skip
    assert SCHEDULE[first.start - 100 : first.end - 100] == first.quote


def test_a_sentence_is_quoted_after_its_heading(embedder: Embedder) -> None:
    answer, _ = extract("How are the screws of the tape knife of the Plover 300 tightened?", HITS, embedder)

    assert "7.2 Replacing the tape knife: “Tighten the screws of the knife to 9 Nm.” [1]" in answer.splitlines()


@pytest.mark.parametrize(
    "question",
    [
        "May I bring my dog to the office?",
        "How often is the tape knife of the Plover 400 replaced?",
        "What does the fault E-61 mean?",
    ],
)
def test_nothing_is_quoted_that_is_far_from_answering(embedder: Embedder, question: str) -> None:
    assert extract(question, HITS, embedder) == ("", [])


def test_a_question_for_a_number_gets_the_sentence_that_has_it(embedder: Embedder) -> None:
    leave = (
        "Partners have leave at full pay once they ask in writing. For partners it is 6 weeks at full pay, in blocks."
    )

    answer, _ = extract("How long is the leave at full pay for partners?", [hit(leave, "4 Leave")], embedder)

    assert answer.splitlines()[0] == "4 Leave: “For partners it is 6 weeks at full pay, in blocks.” [1]"


def test_a_quote_keeps_brackets_of_its_own_whatever_number_its_source_has(embedder: Embedder) -> None:
    leave = "Partners have 6 weeks of leave at full pay, as clause [2] says."

    answer, citations = extract("How long is the leave of partners?", [hit(leave, "4 Leave")], embedder, [7])

    assert answer == f"4 Leave: “{leave}” [7]"
    assert [citation.n for citation in citations] == [7]


def test_without_passages_nothing_is_quoted(embedder: Embedder) -> None:
    assert extract("How often?", [], embedder) == ("", [])


def test_a_small_model_gets_the_best_sentences_first(embedder: Embedder) -> None:
    best = closest_sentences("How often is the tape knife of the Plover 300 replaced?", HITS, embedder, 3)

    assert len(best) == 3
    assert best[0] == "Part: Tape knife; Work: replace; Interval: every 400,000 cases"


def test_a_row_that_is_too_long_in_words_is_read_as_far_as_the_embedder_can(embedder: Embedder) -> None:
    header = " | ".join(f"a long name of column {n}" for n in range(60))
    row = " | ".join(f"tape knife {n}" for n in range(60))

    assert closest_sentences("tape knife", [hit(f"{header}\n{row}", "")], embedder, 1)
