"""The embedder's client, against a real local server that speaks OpenAI's embeddings API."""

import base64

import numpy as np
import pytest

from rag.embed import Embedder
from rag.errors import EmbedderUnavailable, PassageTooLong
from rag.tokens import PACKAGED
from tests.http_server import Answer, Exchange, serving


def embedding(index: int, *numbers: float) -> dict[str, object]:
    return {"index": index, "embedding": base64.b64encode(np.array(numbers, dtype="<f4").tobytes()).decode()}


def answering(*data: dict[str, object], max_tokens: int | None = 256) -> dict[str, Answer]:
    models = [{"id": "other", "max_model_len": 9000}, {"id": PACKAGED, "max_model_len": max_tokens}]
    return {
        "/v1/models": lambda exchange: exchange.send_json({"data": models}),
        "/v1/embeddings": lambda exchange: exchange.send_json({"data": list(data)}),
    }


def test_vectors_come_normalised_in_the_order_of_the_texts() -> None:
    with serving(answering(embedding(1, 0, 2), embedding(0, 3, 4))) as server:
        vectors = Embedder(PACKAGED, server.url).embed(["first", "second"])

    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0.0, 1.0]], rtol=1e-6)
    assert server.seen[-1].body["input"] == ["first", "second"]


def test_a_passage_that_would_be_cut_is_refused_before_it_is_sent() -> None:
    with serving(answering(max_tokens=6)) as server, pytest.raises(PassageTooLong, match="Passage 1 has 7 tokens"):
        Embedder(PACKAGED, server.url).embed(["one two three four", "one two three four five"])

    assert [request.path for request in server.seen] == ["/v1/models"]


def test_tokens_are_the_models_own_uncut_and_without_special_ones() -> None:
    embedder = Embedder(PACKAGED, "http://127.0.0.1:9/v1")

    assert len(embedder.tokens("The tape knife.")) == 4
    assert len(embedder.tokens("knife " * 1000)) == 1000
    assert embedder.tokens("") == []


def test_an_embedder_that_answers_badly_is_unavailable_and_named() -> None:
    def broken(exchange: Exchange) -> None:
        exchange.send_json({}, status=503)

    with serving({"/v1/embeddings": broken}) as server, pytest.raises(EmbedderUnavailable, match=server.url):
        Embedder(PACKAGED, server.url).embed_query("How many days?")


def test_questions_and_passages_are_sent_with_what_the_model_wants_before_them() -> None:
    with serving(answering(embedding(0, 3, 4))) as server:
        embedder = Embedder(PACKAGED, server.url, query_prefix="query: ", passage_prefix="passage: ")
        embedder.embed(["six days"])
        embedder.embed_query("How many days?")

    assert [request.body["input"] for request in server.seen[1:]] == [["passage: six days"], ["query: How many days?"]]


def test_what_stands_before_a_passage_counts_towards_the_limit() -> None:
    with serving(answering(max_tokens=6)) as server, pytest.raises(PassageTooLong, match="has 8 tokens"):
        Embedder(PACKAGED, server.url, passage_prefix="passage: ").embed(["one two three four"])


def test_the_limit_is_that_of_the_model_among_all_that_the_engine_serves() -> None:
    with serving(answering(max_tokens=300)) as server:
        assert Embedder(PACKAGED, server.url).max_tokens == 300


def test_an_engine_that_does_not_say_how_much_it_reads_is_taken_for_a_small_one() -> None:
    with serving(answering(max_tokens=None)) as server:
        assert Embedder(PACKAGED, server.url).max_tokens == 512


def test_vectors_may_come_as_numbers() -> None:
    with serving(answering({"index": 0, "embedding": [3.0, 4.0]})) as server:
        vector = Embedder(PACKAGED, server.url).embed_query("How many days?")

    np.testing.assert_allclose(vector, [0.6, 0.8], rtol=1e-6)


def test_a_passage_that_the_engine_refuses_is_not_sent_again_and_again() -> None:
    def refusing(exchange: Exchange) -> None:
        exchange.send_json({"error": {"message": "too long"}}, status=400)

    with serving({"/v1/embeddings": refusing}) as server, pytest.raises(PassageTooLong, match="too long"):
        Embedder(PACKAGED, server.url).embed_query("How many days?")


def test_nothing_to_embed_has_the_models_dimension() -> None:
    with serving(answering(embedding(0, 3, 4))) as server:
        assert Embedder(PACKAGED, server.url).embed([]).shape == (0, 2)


def test_an_engine_that_answers_with_fewer_vectors_than_texts_is_unavailable() -> None:
    with serving(answering(embedding(0, 3, 4))) as server, pytest.raises(EmbedderUnavailable, match="1 of 2"):
        Embedder(PACKAGED, server.url).embed(["first", "second"])


def test_a_sentence_that_comes_again_is_not_embedded_again() -> None:
    with serving(answering(embedding(0, 3, 4))) as server:
        embedder = Embedder(PACKAGED, server.url)
        first = embedder.embed_sentences(["one"])
        second = embedder.embed_sentences(["one", "one"])
        other = embedder.embed_sentences(["two", "one"])

    np.testing.assert_allclose(second, [first[0], first[0]])
    np.testing.assert_allclose(other, [first[0], first[0]])  # this server gives everything the same vector
    assert [request.body["input"] for request in server.seen if request.body] == [["one"], ["two"]]
