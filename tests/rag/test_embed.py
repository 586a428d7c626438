"""The embedder's client, against a real local server that speaks OpenAI's embeddings API."""

import base64

import numpy as np
import pytest

from rag.embed import Embedder
from rag.errors import EmbedderUnavailable, PassageTooLong
from rag.settings import EmbedderSettings
from tests.http_server import Answer, Exchange, serving


def embedding(index: int, *numbers: float) -> dict[str, object]:
    return {"index": index, "embedding": base64.b64encode(np.array(numbers, dtype="<f4").tobytes()).decode()}


def answering(*data: dict[str, object], max_tokens: int = 256) -> dict[str, Answer]:
    return {
        "/v1/models": lambda exchange: exchange.send_json({"data": [{"id": "m", "max_model_len": max_tokens}]}),
        "/v1/embeddings": lambda exchange: exchange.send_json({"data": list(data)}),
    }


def test_vectors_come_normalised_in_the_order_of_the_texts() -> None:
    with serving(answering(embedding(1, 0, 2), embedding(0, 3, 4))) as server:
        vectors = Embedder(EmbedderSettings(url=server.url)).embed(["first", "second"])

    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0.0, 1.0]], rtol=1e-6)
    assert server.seen[-1].body["input"] == ["first", "second"]


def test_a_passage_that_would_be_cut_is_refused_before_it_is_sent() -> None:
    with serving(answering(max_tokens=6)) as server, pytest.raises(PassageTooLong, match="Passage 1 has 7 tokens"):
        Embedder(EmbedderSettings(url=server.url)).embed(["one two three four", "one two three four five"])

    assert [request.path for request in server.seen] == ["/v1/models"]


def test_tokens_are_the_models_own_uncut_and_without_special_ones() -> None:
    embedder = Embedder(EmbedderSettings())

    assert len(embedder.tokens("The tape knife.")) == 4
    assert len(embedder.tokens("knife " * 1000)) == 1000
    assert embedder.tokens("") == []


def test_an_embedder_that_answers_badly_is_unavailable_and_named() -> None:
    def broken(exchange: Exchange) -> None:
        exchange.send_json({}, status=503)

    with serving({"/v1/embeddings": broken}) as server, pytest.raises(EmbedderUnavailable, match=server.url):
        Embedder(EmbedderSettings(url=server.url)).embed_query("How many days?")
