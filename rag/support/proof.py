"""A sentence and a passage to the place in it that states the sentence, or to none."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.support.lexicon import COMPOUNDING
from rag.support.numbers import agree
from rag.support.places import Held, places
from rag.support.polarity import opposed, same_polarity
from rag.support.said import BARE_WORDS, Said, Statement
from rag.support.tokens import Kind, clauses, language_of, names, stems

Reading = Callable[[str, str, str], Sequence[Sequence[Held]]]
COVERED = 0.6  # share of a sentence's words that the place must hold
CLAUSE_COVERED = 0.5  # and of each of its clauses
HELD_ITSELF = 0.4  # by the place itself, not by its headings
PERMUTED = 0.8  # share of common words from which the order of names is compared
SHORTEST_PART, LONGEST_LINK = 4, 3  # characters of a compound's part, and what may stand between two


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a passage states something: [start, end) in its text, and the share of the words it has, 0 to 1."""

    start: int
    end: int
    covered: float


def prove(statement: Statement, text: str, context: str, read: Reading = places) -> Place | None:
    """Return the place in `text` that states the sentence, the one with most of its words, or None.

    `context` has title and headings, and in a second line a table's header: names and words may be found there, but
    many must stand in the place itself. Where several sentences state a part each, the first one is returned.
    `read` is `places`, or one that remembers: reading a passage is most of the work.
    """
    language = language_of(statement.text, text)
    said = Said.of(statement, language)
    if not said.anything:
        return None
    groups = read(text, context, language)
    whole = _best(said, groups)
    if whole or len(said.parts) < 2 or any(len(part.words) < BARE_WORDS for part in said.parts):
        return whole
    parts = [_best(part, groups) for part in said.parts]
    return parts[0] if all(parts) else None


def _best(said: Said, groups: Sequence[Sequence[Held]]) -> Place | None:
    """Return the place of the first group that has one, of several the one that holds most itself."""
    for group in groups:
        found = [(held, share) for held in group if (share := _covered(said, held)) is not None]
        if found:
            held, share = max(found, key=lambda pair: len(said.words & pair[0].words))
            return Place(start=held.start, end=held.end, covered=share)
    return None


def _covered(said: Said, held: Held) -> float | None:
    """Return the share of the words that are held, or None if the place does not state what is said."""
    everything = held.words | held.around
    found = {word for word in said.words if _within(word, everything, held.passage, said.language)}
    if not _holds_words(said, held, found) or not agree(said.numbers, [*held.numbers, *held.around_numbers]):
        return None
    if not same_polarity(said.found, held.found) or opposed(said.found, held.found, said.language):
        return None
    if (
        _repeats_itself(said, held)
        or _names_swapped(said, held)
        or _name_without_its_role(said, held)
        or _foreign_run(said, held)
    ):
        return None
    return len(found) / len(said.words) if said.words else 1.0


def _holds_words(said: Said, held: Held, found: set[str]) -> bool:
    """Return whether enough of the words are held, of the whole and of each clause, and all that are required.

    What is not held must not be in another place of the passage either: then facts of two places are mixed. A clause
    whose subject is elsewhere must say half of what the place says: then the place has no subject of its own either.
    """
    own = sum(_within(word, held.words, held.passage, said.language) for word in said.words)
    asked = len(said.asked & (held.words | held.around))
    return (
        len(found) >= COVERED * len(said.words)
        and own >= HELD_ITSELF * len(said.words)
        and said.required & said.words <= found
        and asked >= CLAUSE_COVERED * len(said.asked)
        and (said.words - found).isdisjoint(held.elsewhere)
        and (not said.lacks_subject or len(held.words & found) >= CLAUSE_COVERED * len(held.words))
        and all(_holds_clause(part, found) for part in said.parts)
    )


def _holds_clause(part: Said, found: set[str]) -> bool:
    """Return whether half of a clause is held, and of what it says of its subject; a number holds a word or two."""
    fewest = BARE_WORDS if part.numbers else 1
    return all(
        len(words) < fewest or len(words & found) >= CLAUSE_COVERED * len(words)
        for words in (part.words, part.predicate)
    )


def _within(word: str, held: frozenset[str], passage: frozenset[str], language: str) -> bool:
    """Return whether a word is held; in German also as a part of a compound, or as one whose parts are.

    Its last part, which says what it is, must be held; the first may stand elsewhere in the passage.
    """
    if word in held:
        return True
    if language not in COMPOUNDING or len(word) < 5:
        return False
    if any(len(other) > len(word) and (other.endswith(word) or other.startswith(word)) for other in held):
        return True
    heads = [other for other in passage if len(other) >= SHORTEST_PART and word.startswith(other)]
    tails = [other for other in passage if len(other) >= SHORTEST_PART and word.endswith(other)]
    return any(
        0 <= len(word) - len(head) - len(tail) <= LONGEST_LINK and tail in held for head in heads for tail in tails
    )


def _repeats_itself(said: Said, held: Held) -> bool:
    """Return whether a clause says a word more often than the place: small models turn in circles, X is the X of X."""
    theirs = Counter(stem for token in held.found for stem in token.said)
    for clause in clauses(said.found, tight=True):
        ours = Counter(stem for token in clause for stem in token.said)
        if any(count > max(1, theirs[stem]) for stem, count in ours.items()):
            return True
    return False


def _names_swapped(said: Said, held: Held) -> bool:
    """Return whether nearly the same words stand around the same names in another order."""
    common = said.words & held.words
    if len(common) < PERMUTED * max(len(said.words), len(held.words), 1):
        return False
    ours, theirs = (
        list(
            dict.fromkeys(
                stem
                for token in found
                if token.kind in {Kind.NAME, Kind.CODE} or token is found[0]
                for stem in token.said
            )
        )
        for found in (said.found, held.found)
    )
    ours, theirs = [name for name in ours if name in theirs], [name for name in theirs if name in ours]
    return ours != theirs


def _name_without_its_role(said: Said, held: Held) -> bool:
    """Return whether a clause says of one name what the place says of another that is not mentioned."""
    if said.language in COMPOUNDING:  # all nouns look like names
        return False
    theirs = [(frozenset(stems(part)), names(part)) for part in clauses(held.found, tight=True)]
    for clause in clauses(said.found, tight=True):
        content = frozenset(stems(clause))
        own = [content & words for words, others in theirs if names(clause) & others]
        rivals = [content & words for words, others in theirs if others and not others & said.words]
        if own and not any(all(rival <= mine for rival in rivals) for mine in own):
            return True
    return False


def _foreign_run(said: Said, held: Held) -> bool:
    """Return whether a piece of Chinese or Japanese has two neighbouring characters that the place has not at all."""
    characters = {char for stem in held.words | held.around for char in stem}
    return any(
        char not in characters and following not in characters
        for token in said.found
        if token.kind == Kind.RUN
        for char, following in zip(token.plain, token.plain[1:], strict=False)
    )
