"""What a service answered, compared with what it should have: was it right to answer, is it right, is it cited."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MARK = re.compile(r"\[\d{1,2}\]")
_ARTICLE = re.compile(r"\b(a|an|the)\b")


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One question's answer.

    `evidence` is what the service thought of the passages before it wrote, 0 to 1. `contains` and `f1` compare the
    answer with the best of the known ones, 0 to 1; None where none is known. Of `citations`, `sound` are in a passage
    of the document that they name, letter by letter, and marked as supported, and `gold` are in a passage that answers.
    """

    answerable: bool
    abstained: bool
    evidence: float
    contains: float | None
    f1: float | None
    citations: int
    sound: int
    gold: int
    text: str


def normalised(text: str) -> list[str]:
    """Return the words as SQuAD's evaluation compares them: without case, marks, punctuation and English articles."""
    folded = unicodedata.normalize("NFKC", MARK.sub(" ", text)).casefold()
    bare = "".join(" " if unicodedata.category(char)[0] in "PS" else char for char in folded)
    return _ARTICLE.sub(" ", bare).split()


def contains(answer: str, known: Sequence[str]) -> float | None:
    """Return 1 if the answer has all words of a known one in a row, else 0; None if none is known."""
    said = f" {' '.join(normalised(answer))} "
    wanted = [words for one in known if (words := normalised(one))]
    return float(any(f" {' '.join(words)} " in said for words in wanted)) if wanted else None


def f1(answer: str, known: Sequence[str]) -> float | None:
    """Return the F1 of the words that the answer shares with the known one that it is most like (SQuAD's)."""
    said = Counter(normalised(answer))
    wanted = [Counter(words) for one in known if (words := normalised(one))]
    return max((_f1(said, one) for one in wanted), default=None)


def _f1(said: Counter[str], wanted: Counter[str]) -> float:
    return 2 * (said & wanted).total() / (said.total() + wanted.total())
