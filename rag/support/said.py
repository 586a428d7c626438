"""A written sentence as it is compared with passages: its words, names and numbers, and its clauses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.support.lexicon import ANYBODY, GENERIC
from rag.support.numbers import Number, numbers
from rag.support.polarity import denied
from rag.support.tokens import Kind, Token, clauses, language_of, stems, tokens

BARE_WORDS = 2  # words under which a statement is taken with its question, and a clause with the one before
_REPLY = re.compile(r"^(?:yes|no|ja|nein|sí|oui|non)[,.:]\s+|^(?:是的?|不是?|对)[，。]", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[,;]\s+|\s+(?:and|und|y|et)\s+|[，；]")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A sentence without marks; `asked` is the question it answers, which completes one of a word or two."""

    text: str
    asked: str = ""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A statement, or a clause of one, as it is compared. `asked` has the question's words if it is bare without."""

    found: Sequence[Token]
    language: str
    asked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, statement: Statement, language: str) -> "Said":
        found = tokens(_REPLY.sub("", statement.text), language)
        bare = len(stems(found)) < BARE_WORDS
        asked = frozenset(stems(tokens(statement.asked, language))) if bare else frozenset()
        return cls(found=found, language=language, asked=asked)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(stems([token for token in self.found if token.plain not in ANYBODY]))

    @cached_property
    def numbers(self) -> list[Number]:
        return numbers(self.found)

    @cached_property
    def parts(self) -> "list[Said]":
        split = clauses(self.found, tight=True)
        return [Said(found=part, language=self.language) for part in split if stems(part) or numbers(part)]

    @property
    def anything(self) -> bool:
        return bool(self.words or self.numbers)

    @property
    def stands_alone(self) -> bool:
        return len(self.words) >= BARE_WORDS

    @cached_property
    def required(self) -> frozenset[str]:
        """Return the names and codes, and a first word that what follows makes the subject: another one is a lie."""
        named = [token for token in self.found if token.kind in {Kind.NAME, Kind.CODE}]
        if len(self.found) > 1 and self.found[0].kind == Kind.WORD:
            following = self.found[1]
            if following.kind == Kind.STOP or following.plain.endswith("s"):
                named.append(self.found[0])
        return frozenset(stems([token for token in named if token.plain not in ANYBODY]))


def clauses_alone(statement: Statement) -> list[Statement]:
    """Return the clauses of a sentence that say enough to be proven apart; others go with the one before."""
    parts: list[str] = []
    for part in _CLAUSE_END.split(statement.text):
        alone = len(stems(tokens(part, language_of(statement.text)))) >= BARE_WORDS
        if parts and not alone:
            parts[-1] += f", {part}"
        else:
            parts.append(part)
    return [Statement(text=part) for part in parts]


def harmless(lead: str, known: str) -> bool:
    """Return whether a line before a list claims nothing itself: no number, no denial, no word that is not known."""
    language = language_of(lead, known)
    said = tokens(lead, language)
    return not numbers(said) and not denied(said) and stems(said) <= stems(tokens(known, language)) | GENERIC
