"""Stand-ins for unstructured's English language models, installed before its partitioners are imported.

unstructured asks spaCy for sentences, words and verbs, and a list of 200,000 English words, to tell prose
from a title where a format has no styles. Its spaCy model is downloaded from GitHub at first use, and both
together cost 100 MB and 2 s a process. These stand-ins judge by form, in any language. They replace two
modules by name: unstructured is pinned, and `tests/ingest/parse/test_elements.py` fails should they move.
"""

import sys
from types import ModuleType

from rag.sentences import sentences

PROSE_WORDS = 12  # unstructured's own limit for the length of a title


class _AnyWord:
    """A dictionary that knows every word."""

    def __contains__(self, word: str) -> bool:
        return True


def _pos_tag(text: str) -> list[tuple[str, str]]:
    """Tag one word as a verb if the text has the form of a sentence."""
    is_prose = text.rstrip(" \"'”’)").endswith((".", "!", "?", "。", ";")) or len(text.split()) > PROSE_WORDS
    return [(text, "VB" if is_prose else "NN")]


def install() -> None:
    """Put the stand-ins in place. Importing unstructured's partitioners first would defeat it."""
    tokenize = ModuleType("unstructured.nlp.tokenize")
    tokenize.__dict__.update(sent_tokenize=sentences, word_tokenize=str.split, pos_tag=_pos_tag)
    words = ModuleType("unstructured.nlp.english_words")
    words.__dict__.update(ENGLISH_WORDS=_AnyWord())
    sys.modules.update({module.__name__: module for module in (tokenize, words)})
