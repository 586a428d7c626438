"""A cross-encoder that takes no time: one layer of random numbers, always the same, in a folder as real ones are."""

from pathlib import Path
from typing import Literal

import torch
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from rag.settings import EmbedderSettings, RerankerSettings, Settings
from rag.tokens import PACKAGED, model_folder

MOST_TOKENS = 128


def make_cross_encoder(folder: Path, *, numbers: int = 1) -> Path:
    """Write it to a folder. It gives so many numbers for a pair of texts; what they are, no one can foresee."""
    torch.manual_seed(20_260_101)
    tokenizer = AutoTokenizer.from_pretrained(model_folder(PACKAGED), local_files_only=True)
    tokenizer.model_max_length = MOST_TOKENS
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=MOST_TOKENS,
        initializer_range=0.5,  # wide, so that scores differ
    )
    config.num_labels = numbers
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def settings_of(folder: Path, precision: Literal["bf16", "fp32"] = "fp32") -> Settings:
    return Settings(
        _env_file=None,
        embedder=EmbedderSettings(precision=precision),
        reranker=RerankerSettings(model=str(folder)),
    )
