"""Whether two questions ask the same. A wrong yes is a wrong answer, so that little counts as the same.

Every word counts, in its order and with its case: "with" and "without", "IT" and "it", "X of Y" and "Y of X" differ.
What does not count is how a sentence is dressed: its first capital, punctuation, "the", "please", a plural's s.

Vectors are not asked. With the packaged model "How do I get from Bonn to Kiel?" and "... from Kiel to Bonn?" have a
cosine of 0.99, "it" and "IT" one of 1, and "What is the notice period?" has 0.92 with "Please tell me, what is notice
period?".
"""

import re
import unicodedata

_LEAD = re.compile(
    r"^(?:(?:hi|hello|hey)[,!.]? +)?(?:please,? +)?"
    r"(?:(?:(?:can|could|would|will) you (?:please )?tell me|tell me|i would like to know|i want to know)[,:]? +)?",
    re.IGNORECASE,
)
_DRESS = {"the", "please", "kindly"}
_NO_PLURALS = {  # they mean something else, or nothing, without their s
    "always", "arms", "blues", "contents", "customs", "damages", "does", "glasses", "goods", "has", "headquarters",
    "hers", "its", "means", "minutes", "news", "ours", "proceeds", "sales", "savings", "securities", "series",
    "species", "spirits", "terms", "theirs", "this", "was", "works", "yours",
}  # fmt: skip
_SHORT = {"what's", "who's", "where's", "when's", "how's"}
_AROUND = "\"'“”„‟‘’«»‹›()[]{},;:!?…¿¡。？！、"
_AFTER_NUMBER = ",;:!?."  # 5" is no 5


def normalised(question: str) -> str:
    """Return the question as it is compared exactly: without outer white space, last marks and first capital."""
    text = " ".join(unicodedata.normalize("NFC", question).split()).rstrip("?!.… ")
    return _without_first_capital(text)


def gist(question: str) -> tuple[str, ...]:
    """Return what is left of a question without its dress: equal for questions that may ask the same."""
    text = normalised(question).replace("’", "'")
    text = _without_first_capital(_LEAD.sub("", text, count=1))
    found: list[str] = []
    for token in text.split():
        has_digit = any(char.isdigit() for char in token)
        word = token.rstrip(_AFTER_NUMBER) if has_digit else token.strip(_AROUND).rstrip(_AROUND + ".")
        if word in _SHORT:
            found += [word[:-2], "is"]
        elif word == "I":
            found.append("i")
        elif word and word not in _DRESS:
            found.append(_singular(word))
    return tuple(found)


def _without_first_capital(text: str) -> str:
    """What begins a sentence has a capital; what goes on with another is a name or a code."""
    first = text[:2]
    return text[:1].casefold() + text[1:] if first[:1].isupper() and not first[1:].isupper() else text


def _singular(word: str) -> str:
    """Take off the s of a word in small letters: "days", but not "access", "status" or "is"."""
    if len(word) < 4 or not (word.isascii() and word.isalpha() and word.islower()) or word in _NO_PLURALS:
        return word
    return word[:-1] if word[-1] == "s" and word[-2] not in "sui" else word
