"""The service's own reranker: a real cross-encoder, a very small one, in this process and over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest

from api.embedder import create_embedder
from api.reranker import create_reranker
from rag.cross_encoder import CrossEncoder
from rag.errors import ConfigurationError
from rag.rerank import Reranker
from rag.settings import RerankerSettings, Settings
from rag.tokens import PACKAGED
from tests.local_api import serving_app
from tests.tiny_model import make_cross_encoder, settings_of

QUERY = "How many days of leave?"
PASSAGES = ["Six days of leave.", "The conveyor has stopped.", "Notice is eight weeks. " * 5, "", "Ring twice."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cross_encoder(tmp_path_factory.mktemp("cross-encoder"))


@pytest.fixture(scope="module")
def model(folder: Path) -> CrossEncoder:
    return CrossEncoder(settings_of(folder))


def predicted(folder: Path, query: str, passages: list[str]) -> list[float]:
    """Return what the library says of each pair by itself."""
    import sentence_transformers  # after rag.model, which leaves out some of it

    reference = sentence_transformers.CrossEncoder(str(folder), device="cpu", local_files_only=True)
    return [float(reference.predict((query, passage))) for passage in passages]


def test_scores_are_the_models_in_the_order_of_the_passages(model: CrossEncoder, folder: Path) -> None:
    scores = model.scores(QUERY, PASSAGES)

    np.testing.assert_allclose(scores, predicted(folder, QUERY, PASSAGES), atol=1e-5)
    assert len({round(score, 3) for score in scores}) == len(PASSAGES)
    assert all(0 < score < 1 for score in scores)


def test_many_questions_at_once_get_the_scores_that_each_gets_alone(model: CrossEncoder) -> None:
    queries = [f"{QUERY} {'Really? ' * n}" for n in range(24)]
    alone = [model.scores(query, PASSAGES) for query in queries]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda query: model.scores(query, PASSAGES), queries))

    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_pair_longer_than_the_model_reads_is_cut(model: CrossEncoder) -> None:
    assert model.max_tokens == 128
    assert model.scores(QUERY, ["Six days. " * 1000]) == pytest.approx(model.scores(QUERY, ["Six days. " * 2000]))


def test_half_the_precision_gives_about_the_same_scores(model: CrossEncoder, folder: Path) -> None:
    halved = CrossEncoder(settings_of(folder, "bf16")).scores(QUERY, PASSAGES)

    np.testing.assert_allclose(halved, model.scores(QUERY, PASSAGES), atol=0.05)


def test_a_model_that_gives_several_numbers_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gives 3 numbers for a pair"):
        CrossEncoder(settings_of(make_cross_encoder(tmp_path, numbers=3)))
    with pytest.raises(ConfigurationError, match="is no folder of a cross-encoder"):
        CrossEncoder(settings_of(tmp_path / "nowhere"))


def test_the_client_gets_over_http_what_the_model_says(folder: Path, model: CrossEncoder) -> None:
    with (
        serving_app(create_reranker(settings_of(folder))) as url,
        closing(Reranker(str(folder), f"{url}/v1")) as reranker,
    ):
        reranker.ping()
        assert reranker.scores(QUERY, PASSAGES) == pytest.approx(model.scores(QUERY, PASSAGES), abs=1e-5)


def test_other_clients_get_the_best_results_first_and_no_more_than_they_want(folder: Path, model: CrossEncoder) -> None:
    scores = model.scores(QUERY, PASSAGES)
    with serving_app(create_reranker(settings_of(folder))) as url:
        body = {"query": QUERY, "documents": PASSAGES, "top_n": 2}
        results = httpx.post(f"{url}/v1/rerank", json=body).json()["results"]

    assert [result["index"] for result in results] == sorted(range(5), key=lambda n: -scores[n])[:2]


def test_the_embedder_process_serves_the_reranker_unless_an_engine_does(folder: Path) -> None:
    with serving_app(create_embedder(settings_of(folder))) as url:
        assert [one["id"] for one in httpx.get(f"{url}/v1/models").json()["data"]] == [PACKAGED, str(folder)]
        body = {"query": QUERY, "documents": PASSAGES}
        assert len(httpx.post(f"{url}/v1/rerank", json=body).json()["results"]) == len(PASSAGES)

    elsewhere = RerankerSettings(model=str(folder), url="http://127.0.0.1:9/v1")
    with serving_app(create_embedder(Settings(_env_file=None, reranker=elsewhere))) as url:
        assert [one["id"] for one in httpx.get(f"{url}/v1/models").json()["data"]] == [PACKAGED]
        assert httpx.post(f"{url}/v1/rerank", json={"query": QUERY, "documents": PASSAGES}).status_code == 404
