"""The model as the embedder process holds it, beside sentence-transformers as it comes."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rag.model import Model
from rag.settings import EmbedderSettings
from rag.tokens import PACKAGED, model_folder
from rag.vectors import Vectors

WORDS = ["the", "knife", "belt", "case", "sealer", "must", "be", "replaced", "every", "week", "by", "two", "people"]


def texts(count: int) -> list[str]:
    """Return texts of all lengths, some longer than the model reads."""
    dice = random.Random(5)  # noqa: S311
    return [" ".join(dice.choices(WORDS, k=dice.randint(1, 300))) for _ in range(count)]


def plain(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer  # after rag.model, which leaves out parts of it

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def encoded_plainly(folder: Path, these: list[str]) -> Vectors:
    vectors: Vectors = plain(folder).encode(these, batch_size=8, normalize_embeddings=True, show_progress_bar=False)
    return vectors


def cosines(first: Vectors, second: Vectors) -> Vectors:
    products: Vectors = (first * second).sum(axis=1)
    return products


@pytest.fixture(scope="module")
def another_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model with another pooling, a layer after it, an odd length, and a prompt that is always used."""
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling  # after rag.model, as above

    model = plain(model_folder(PACKAGED))
    model.max_seq_length = 60
    torch.manual_seed(5)
    model[1] = Pooling(384, pooling_mode="cls")
    model[2] = Dense(384, 96)
    model.prompts, model.default_prompt_name = {"short": "In short: "}, "short"
    folder = tmp_path_factory.mktemp("models") / "another"
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def test_threads_that_share_the_model_get_what_sentence_transformers_computes() -> None:
    model, some = Model(EmbedderSettings(precision="fp32")), texts(96)
    parts = [some[first : first + 12] for first in range(0, 96, 12)] + [[text] for text in some[:24]]

    with ThreadPoolExecutor(8) as pool:
        found = np.concatenate(list(pool.map(model.encode, parts)))

    assert cosines(found, encoded_plainly(model_folder(PACKAGED), [*some, *some[:24]])).min() > 0.9999
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-6)


def test_a_model_of_another_build_is_computed_as_it_is_built(another_model: Path) -> None:
    model = Model(EmbedderSettings(model=str(another_model), precision="fp32"))

    found = model.encode(texts(20))

    assert (model.name, model.dimension, model.max_tokens) == ("another", 96, 60)
    assert cosines(found, encoded_plainly(another_model, texts(20))).min() > 0.9999


def test_in_half_precision_the_vectors_are_nearly_the_same() -> None:
    found = Model(EmbedderSettings(precision="bf16")).encode(texts(20))

    assert cosines(found, encoded_plainly(model_folder(PACKAGED), texts(20))).min() > 0.999
