"""Text to the words that it is indexed and searched by. The same words in every database.

A word has letters and digits alone, so that any tokenizer that splits at spaces keeps it. Words are case-folded,
stemmed in the document's language and stripped of accents; a code such as ERR-4032 or v2.3.1 is kept in parts and
whole (err, 4032, err4032); scripts without spaces give overlapping pairs of characters.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock

import Stemmer

from rag.lexical.stopwords import STOPWORDS

DEFAULT_LANGUAGE = "en"  # of texts too short to tell
MOST_WORD_CHARS = 40  # longer ones are data, not words
_SPACED_MARKS = "\u064b-\u065f\u0900-\u0963\u0966-\u0dff"  # vowel signs are no letters to Python
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
_LETTERS = rf"(?:[^\W_{_UNSPACED}]|[{_SPACED_MARKS}])+"
_TERM = re.compile(
    rf"(?P<run>[{_UNSPACED}]+)"
    rf"|(?P<word>{_LETTERS}(?:[-._]{_LETTERS})*)(?P<sign>\+\+|#)?"
)
_PART = re.compile(r"[^-._]+")
_SIGNS = {"++": "plusplus", "#": "sharp"}  # C++, C#
_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class QueryWord:
    """A word of a query with its forms in the languages of the index. Any form stands for it."""

    forms: tuple[str, ...]


def words(text: str, language: str | None) -> list[str]:
    """Return the words of a text in their order, without stop words."""
    language = language or DEFAULT_LANGUAGE
    stop = STOPWORDS.get(language, frozenset())
    return [_form(term, language) for term, keep in _terms(text) if keep or term not in stop]


def chunk_words(context: str, text: str, language: str | None) -> str:
    """Return the words of a chunk with a space between them, as they are indexed."""
    return " ".join(words(f"{context}\n{text}", language))


def query_words(text: str, languages: Sequence[str]) -> list[QueryWord]:
    """Return the words of a query in their order, each with its forms in every language.

    A stop word of any of the languages is left out, unless nothing else would be left.
    """
    stop = frozenset[str]().union(*(STOPWORDS.get(language, frozenset()) for language in languages))
    terms = list(_terms(text))
    said = [term for term, keep in terms if keep or term not in stop] or [term for term, _ in terms]
    return [QueryWord(forms=tuple(dict.fromkeys(_form(term, language) for language in languages))) for term in said]


def _terms(text: str) -> Iterator[tuple[str, bool]]:
    """Yield words as they stand, case-folded, and whether one is an acronym: IT and WHO are no stop words."""
    text = unicodedata.normalize("NFKC", text)
    shouts = text.isupper()
    for match in _TERM.finditer(text):
        run, word = match["run"], match["word"]
        if run:
            yield from ((run[at : at + 2].casefold(), False) for at in range(max(1, len(run) - 1)))
            continue
        parts = _PART.findall(word)
        for part in parts:
            if len(part) <= MOST_WORD_CHARS:
                yield part.casefold(), len(part) > 1 and part.isupper() and not shouts
        whole = "".join(parts) + _SIGNS.get(match["sign"] or "", "")
        if (len(parts) > 1 or match["sign"]) and len(whole) <= MOST_WORD_CHARS:
            yield whole.casefold(), True


@cache
def _stemmer(language: str) -> tuple[Stemmer.Stemmer, Lock] | None:
    name = _STEMMERS.get(language)
    return (Stemmer.Stemmer(name), Lock()) if name else None


def _form(term: str, language: str) -> str:
    """Return a word's stem in a language, without accents; codes and other languages' words as they are."""
    if language == "en" and not term.isascii():  # its stemmer knows no accents, the others' want them
        term = _without_accents(term)
    found = _stemmer(language) if term.isalpha() else None
    if found:
        stemmer, lock = found
        with lock:  # a stemmer belongs to one thread at a time
            term = stemmer.stemWord(term)
    return term if term.isascii() else _without_accents(term)


def _without_accents(term: str) -> str:
    letters = unicodedata.normalize("NFKD", term)
    kept = (char for char in letters if not ("\u0300" <= char <= "\u036f" or "\u064b" <= char <= "\u065f"))
    return unicodedata.normalize("NFC", "".join(kept))
