"""Which language a text is in, told by its script, and in Latin script by its commonest words. No model."""

import re
from collections import Counter

SNIFFED_CHARS = 20_000
LEAST_WORDS = 12
LEAST_HAN = 40  # letters: names and places alone may be Japanese as well
LEAST_SHARE = 0.08  # of the words: running text has 0.25 to 0.5, lists of names less
SCRIPTS = (  # kana before Han: Japanese has both
    ("ja", re.compile(r"[\u3041-\u30fa]"), 0.1),
    ("ko", re.compile(r"[\uac00-\ud7a3]"), 0.3),
    ("zh", re.compile(r"[\u4e00-\u9fff]"), 0.3),
    ("ar", re.compile(r"[\u0620-\u064a]"), 0.5),
    ("he", re.compile(r"[\u05d0-\u05ea]"), 0.5),
    ("th", re.compile(r"[\u0e01-\u0e2e]"), 0.5),
    ("el", re.compile(r"[\u0370-\u03ff]"), 0.5),
    ("hi", re.compile(r"[\u0900-\u097f]"), 0.5),
)
CYRILLIC = re.compile(r"[\u0400-\u04ff]")
COMMON = {
    "en": "the of and to in is that for it with as was on are this be by not or from",
    "de": "der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch werden",
    "fr": "le la les des et en du une est que pour qui dans sur au par plus ne pas sont avec",
    "es": "el la los las de que y en un una por con para del se no es su como al lo",
    "it": "il di che è la e per un in una sono del non si con le della dei nel gli da",
    "pt": "o de que e do da em um para com não uma os no se na por mais as dos ao",
    "nl": "de het een van en in is dat op te zijn met voor niet aan er om ook als bij",
    "pl": "w i na z do że się nie jest to o po od przez dla jak oraz są który być",
    "sv": "och att det i en som på är av för med till den har inte om ett de var kan",
    "tr": "ve bir bu için ile da de olan olarak daha çok gibi en sonra kadar ne veya her var ise",
}
_WORDS = {language: frozenset(words.split()) for language, words in COMMON.items()}


def language_of(text: str) -> str | None:
    """Return the text's language as a BCP 47 tag, or None if it is not told with some certainty."""
    head = text[:SNIFFED_CHARS]
    letters = sum(character.isalpha() for character in head)
    if not letters:
        return None
    for language, script, share in SCRIPTS:
        if len(script.findall(head)) > share * letters:
            return None if language == "zh" and letters < LEAST_HAN else language
    if len(CYRILLIC.findall(head)) > 0.5 * letters:
        return "uk" if len(re.findall("[іїєґ]", head)) > 0.02 * letters else "ru" if "ы" in head else None
    return _latin(head)


def _latin(text: str) -> str | None:
    words = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    total = words.total()
    shares = {language: sum(words[word] for word in common) / total for language, common in _WORDS.items() if total}
    if total < LEAST_WORDS:
        return None
    best, second = sorted(shares, key=lambda language: shares[language], reverse=True)[:2]
    return best if shares[best] >= LEAST_SHARE and shares[best] > 1.5 * shares[second] else None
