"""Reranking: the client against a real local server that speaks vLLM's rerank API, and the stage in a real search."""

import logging
from contextlib import closing
from pathlib import Path

import pytest

from api.reranker import create_reranker
from rag.candidates import Candidates
from rag.errors import RerankerUnavailable
from rag.ranking import ranked
from rag.rerank import BEST, PAUSE_S, QUERY_CHARS, Reranker, rerank
from rag.retrieve import Retrieval, Retriever, explained
from rag.types import Mode, Search, Turn
from tests.http_server import Answer, Exchange, serving
from tests.local_api import serving_app
from tests.rag.test_ranking import candidate
from tests.tiny_model import make_cross_encoder, settings_of
from tests.workshop import ADMIN, Workshop

MODEL = "BAAI/bge-reranker-v2-m3"
LEAVE = [f"Rule {n}: {n} days of leave in {place}." for n, place in enumerate(("Brindle", "Tarn Head", "Old Mossel"))]


def ranking(*scores: float) -> dict[str, Answer]:
    """Answer as vLLM does: best first, each document with it."""

    def answer(exchange: Exchange) -> None:
        order = sorted(range(len(scores)), key=lambda n: -scores[n])
        documents = exchange.body["documents"]
        results = [{"index": n, "document": {"text": documents[n]}, "relevance_score": scores[n]} for n in order]
        exchange.send_json({"id": "rerank-1", "model": MODEL, "usage": {"total_tokens": 9}, "results": results})

    return {"/v1/rerank": answer, "/v1/models": lambda exchange: exchange.send_json({"data": [{"id": MODEL}]})}


def by_length(exchange: Exchange) -> None:
    """Score the longest passage best."""
    scores = [len(text) for text in exchange.body["documents"]]
    exchange.send_json({"results": [{"index": n, "relevance_score": score} for n, score in enumerate(scores)]})


def search(workshop: Workshop, reranker: Reranker | None, **named: object) -> Retrieval:
    candidates = Candidates(workshop.engine)
    retriever = Retriever(
        registry=workshop.registry, candidates=candidates, indexes=workshop.indexes, reranker=reranker
    )
    return retriever.retrieve(
        Search(**{"text": "days of leave in Brindle", "principal": ADMIN, "top_k": 3} | named)  # type: ignore[arg-type]
    )


def ids(found: Retrieval) -> list[str]:
    return [hit.chunk_id for hit in found.hits]


@pytest.fixture
def filled(workshop: Workshop) -> Workshop:
    for n, text in enumerate(LEAVE):
        workshop.add(text, filename=f"{n}.md")
    workshop.work()
    return workshop


def test_scores_come_in_the_order_of_the_passages() -> None:
    with serving(ranking(0.2, 0.9, -0.5)) as server:
        scores = Reranker(MODEL, server.url).scores("How many days?", ["a", "b", "c"])

    assert scores == [0.2, 0.9, -0.5]
    sent = server.seen[-1].body
    assert (sent["model"], sent["query"], sent["documents"]) == (MODEL, "How many days?", ["a", "b", "c"])
    assert sent["truncate_prompt_tokens"] == -1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda exchange: exchange.send_json({}, status=500), "status 500"),
        (lambda exchange: exchange.send_json({"data": []}), "does not answer with results"),
        (lambda exchange: exchange.send_json([]), "does not answer with results"),
        (ranking(0.2)["/v1/rerank"], "2 passages, and not a score for each"),
        (ranking(0.2, float("nan"))["/v1/rerank"], "2 passages, and not a score for each"),
    ],
)
def test_an_engine_that_answers_badly_is_unavailable_with_the_reason(answer: Answer, reason: str) -> None:
    with serving({"/v1/rerank": answer}) as server, pytest.raises(RerankerUnavailable, match=reason):
        Reranker(MODEL, server.url).scores("How many days?", ["a", "b"])


def test_an_engine_that_did_not_answer_is_left_alone_for_a_while() -> None:
    with serving({}) as server:
        url = server.url  # nobody is there any more
    now = 100.0
    reranker = Reranker(MODEL, url, clock=lambda: now)

    with pytest.raises(RerankerUnavailable, match="ConnectError"):
        reranker.scores("How many days?", ["a"])
    now += PAUSE_S - 1
    with pytest.raises(RerankerUnavailable, match="did not answer less than 10 s ago"):
        reranker.scores("How many days?", ["a"])
    now += 2
    with pytest.raises(RerankerUnavailable, match="ConnectError"):
        reranker.scores("How many days?", ["a"])


def test_an_engine_that_serves_another_model_is_told() -> None:
    with serving(ranking()) as server:
        Reranker(MODEL, server.url).ping()
        with pytest.raises(RerankerUnavailable, match=f"serves {MODEL}, not other"):
            Reranker("other", server.url).ping()


def test_the_best_are_in_the_order_of_a_real_model(filled: Workshop, tmp_path: Path) -> None:
    folder = make_cross_encoder(tmp_path / "tiny")
    plain = search(filled, None)
    with (
        serving_app(create_reranker(settings_of(folder))) as url,
        closing(Reranker(str(folder), f"{url}/v1")) as reranker,
    ):
        found = search(filled, reranker)
        read = [f"{hit.context}\n{hit.text}" for hit in plain.hits]
        scores = dict(zip(ids(plain), reranker.scores("days of leave in Brindle", read), strict=True))

    assert ids(found) == sorted(scores, key=lambda key: -scores[key]) != ids(plain)
    assert [hit.scores["rerank"] for hit in found.hits] == pytest.approx([scores[key] for key in ids(found)], abs=1e-5)


def test_the_score_of_a_hit_stays_what_it_is_without_a_reranker(filled: Workshop) -> None:
    plain = {hit.chunk_id: hit.score for hit in search(filled, None).hits}
    with serving({"/v1/rerank": by_length}) as server:
        found = search(filled, Reranker(MODEL, server.url))

    assert {hit.chunk_id: hit.score for hit in found.hits} == plain
    assert found.reranked


def test_what_stands_behind_the_best_stays_behind_them_and_is_not_read() -> None:
    candidates = [candidate("day " * n, n=n, score=1 - n / 100) for n in range(BEST + 4)]
    with serving(ranking(*(n - BEST for n in range(BEST)))) as server:  # logits, all negative, the last the best
        rerank(Reranker(MODEL, server.url), "days", candidates)

    assert server.seen[-1].body["documents"] == [f"\n{'day ' * n}" for n in range(BEST)]
    assert ranked(candidates) == [*reversed(candidates[:BEST]), *candidates[BEST:]]


def test_an_explanation_has_the_rerankers_score_and_place(filled: Workshop) -> None:
    with serving({"/v1/rerank": by_length}) as server:
        found = explained(search(filled, Reranker(MODEL, server.url), top_k=2))

    assert [(one["rerank_rank"], one["rank"]) for one in found] == [(1, 1), (2, 2), (3, None)]
    assert [one["rerank"] for one in found] == sorted((one["rerank"] for one in found), reverse=True)


@pytest.mark.parametrize("mode", [Mode.DENSE, Mode.LEXICAL])
def test_only_a_hybrid_search_is_reranked(filled: Workshop, mode: Mode) -> None:
    with serving({"/v1/rerank": by_length}) as server:
        found = search(filled, Reranker(MODEL, server.url), mode=mode)

    assert (server.seen, found.reranked) == ([], False)


def test_without_an_answer_the_order_stays_and_the_log_says_so(
    filled: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(exchange: Exchange) -> None:
        exchange.send_json({}, status=503)

    with serving({"/v1/rerank": broken}) as server, caplog.at_level(logging.WARNING):
        found = search(filled, Reranker(MODEL, server.url))

    assert ids(found) == ids(search(filled, None))
    assert not found.reranked
    assert "rerank" not in found.hits[0].scores
    assert [record.message for record in caplog.records] == ["searched without the reranker"]


def test_a_follow_up_is_read_with_what_was_said_before_and_not_without_end(filled: Workshop) -> None:
    history = [Turn(role="user", content="How long is leave?"), Turn(role="assistant", content="It depends. " * 900)]
    with serving({"/v1/rerank": by_length}) as server:
        search(filled, Reranker(MODEL, server.url), text="And in Brindle?", history=history)

    query = server.seen[-1].body["query"]
    assert query.startswith("And in Brindle?\nIt depends.")
    assert len(query) == QUERY_CHARS


def test_nothing_found_asks_no_reranker(workshop: Workshop) -> None:
    with serving({}) as server:
        found = search(workshop, Reranker(MODEL, server.url))

    assert (found.hits, server.seen) == ([], [])
