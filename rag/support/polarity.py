"""Negations and opposites: one small word that turns a sentence into another."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from rag.lexical.words import words
from rag.support.lexicon import CJK_NEGATION, CJK_OPPOSITES, NEGATIONS, NO_PREFIXES, OPPOSITES
from rag.support.tokens import Kind, Token, clauses, stems

_CJK_NEGATION = re.compile(CJK_NEGATION)
ENOUGH_SHARED = 2  # words that a clause shares with another, so that a negation farther off is not meant for it


@dataclass(frozen=True, kw_only=True)
class _Clause:
    """`denied`: there is a negation in it; `near_denial`: in the larger clause that it is part of."""

    content: frozenset[object]
    denied: bool
    near_denial: bool


def same_polarity(said: Sequence[Token], held: Sequence[Token]) -> bool:
    """Return whether each clause said is as affirmed or denied as the clauses held that are most like it."""
    against = _split(held)
    return all(_agrees(clause, against) for clause in _split(said))


def opposed(said: Sequence[Token], held: Sequence[Token], language: str) -> bool:
    """Return whether something is said whose opposite is held instead: after for before, paid for unpaid."""
    ours, theirs = _forms(said), _forms(held)
    only_ours, only_theirs = ours - theirs, theirs - ours
    if any(one & only_ours and other & only_theirs for one, other in _pairs(language)):
        return True
    mine, others = "".join(token.plain for token in said), "".join(token.plain for token in held)
    for pair in CJK_OPPOSITES:
        for one, other in (pair, pair[::-1]):
            if one in mine and one not in others and other in others and other not in mine:
                return True
    lacking = stems(said) - stems(held)
    return any(_denies(stem, other) or _denies(other, stem) for stem in lacking for other in stems(held) - stems(said))


def _denies(one: str, other: str) -> bool:
    return len(other) > 3 and any(one == prefix + other for prefix in NO_PREFIXES)


def _agrees(clause: _Clause, against: Sequence[_Clause]) -> bool:
    shared = [len(clause.content & other.content) for other in against]
    most = max(shared, default=0)
    if not most:
        return True
    nearest = [other for other, count in zip(against, shared, strict=True) if count == most]
    if clause.denied:
        return any(other.denied for other in nearest)
    if clause.near_denial:
        return any(other.near_denial for other in nearest)
    return all(not other.denied and (not other.near_denial or most >= ENOUGH_SHARED) for other in nearest)


def _split(found: Sequence[Token]) -> list[_Clause]:
    return [
        _Clause(content=_content(part), denied=denied(part), near_denial=denied(whole))
        for whole in clauses(found, tight=False)
        for part in clauses(whole, tight=True)
        if _content(part)
    ]


def _content(part: Sequence[Token]) -> frozenset[object]:
    return frozenset(stems(part)).union(*(token.values for token in part))


def denied(part: Sequence[Token]) -> bool:
    """Return whether there is a negation among the tokens."""
    return any(
        token.plain in NEGATIONS
        or token.plain.endswith(("n't", "n’t"))
        or (token.kind == Kind.RUN and _CJK_NEGATION.search(token.plain) is not None)
        for token in part
    )


def _forms(found: Sequence[Token]) -> set[str]:
    return {form for token in found for form in (token.plain, *token.stems)}


@cache
def _pairs(language: str) -> list[tuple[frozenset[str], frozenset[str]]]:
    """Return every word with its opposites, both ways, each with its stem."""
    both = [tuple(pair) for pair in OPPOSITES]
    return [
        (frozenset({one, *words(one, language)}), frozenset({other, *words(other, language)}))
        for first, second in both
        for one, other in ((first, second), (second, first))
    ]
