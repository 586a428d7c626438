"""Which language a question is in, by its script and its commonest words: it is too short for other ways."""

import re

from rag.lexical.stopwords import STOPWORDS

_SCRIPTS = (  # kana before Han: Japanese has both
    ("ja", re.compile(r"[\u3041-\u30fa]")),
    ("ko", re.compile(r"[\uac00-\ud7a3]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
)
_MARKS = (("es", re.compile(r"[¿¡]")), ("de", re.compile(r"ß")))


def question_language(text: str) -> str:
    """Return the language's BCP 47 tag, "" if it is not told. Words of several languages count for each."""
    for language, mark in (*_SCRIPTS, *_MARKS):
        if mark.search(text):
            return language
    found = re.findall(r"[^\W\d_]+", text.lower())
    counts = {language: sum(word in words for word in found) for language, words in STOPWORDS.items()}
    best, second = sorted(counts, key=lambda language: -counts[language])[:2]
    return best if counts[best] > counts[second] else ""
