"""Numbers of a sentence against those of a passage: the same value, with the same unit, said of the same thing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.support.lexicon import MONTHS
from rag.support.tokens import Kind, Token, clauses, stems

REACH = 3  # tokens after a number in which its unit stands


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number where it stands: the unit near it, the words beside it, and what its clause says.

    `label` is a name right before a number without a unit, which then belongs to the name: Plover 300, Hall 2.
    """

    token: Token
    unit: str
    after: tuple[str, ...]
    label: str
    bound: str
    around: frozenset[str]

    def same_value(self, other: "Number") -> bool:
        return not self.token.values.isdisjoint(other.token.values)


def numbers(found: Sequence[Token]) -> list[Number]:
    """Return the numbers in their order."""
    return [
        _number(clause, position)
        for clause in clauses(found, tight=True)
        for position, token in enumerate(clause)
        if token.kind == Kind.NUMBER
    ]


def agree(said: Sequence[Number], held: Sequence[Number]) -> bool:
    """Return whether every number said is held in the same role."""
    chosen = [[position for position, other in enumerate(held) if _matches(one, other)] for one in said]
    if not all(chosen):
        return False
    in_order = _in_order(chosen)
    return all(_has_its_role(one, said, held, places, in_order) for one, places in zip(said, chosen, strict=True))


def _number(clause: Sequence[Token], position: int) -> Number:
    following = list(_until_number(clause[position + 1 : position + 1 + REACH]))
    before = clause[position - 1] if position else None
    unit = next((token.unit for token in following if token.unit), "")
    unit = unit or (before.unit if before else "")
    has_label = before is not None and not unit and before.capital and before.plain not in MONTHS
    after = next((token.stems for token in following if token.stems), ())
    return Number(
        token=clause[position],
        unit=unit,
        after=after,
        label=before.plain if before and has_label else "",
        bound=next((token.plain for token in clause if token.plain in {"≤", "≥"}), ""),
        around=frozenset(stems(clause) | {token.unit for token in clause if token.unit}),
    )


def _until_number(following: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens up to another number; not the one that ends a range, 7-10 days."""
    for place, token in enumerate(following):
        if token.kind == Kind.NUMBER:
            if place:
                return
            continue
        yield token


def _matches(said: Number, held: Number) -> bool:
    if not said.same_value(held) or {said.bound, held.bound} == {"≤", "≥"}:
        return False
    if held.label or said.label:
        return held.label == said.label
    if said.unit or held.unit:
        return said.unit == held.unit or (not held.unit and not held.after and said.unit in held.around)
    if any(isinstance(value, str) for value in said.token.values):  # a time of day
        return True
    return not said.after or not held.after or not set(said.after).isdisjoint(held.around | set(held.after))


def _in_order(chosen: Sequence[Sequence[int]]) -> bool:
    """Return whether places can be chosen that do not go back."""
    last = -1
    for places in chosen:
        following = [place for place in places if place >= last]
        if not following:
            return False
        last = min(following)
    return True


def _has_its_role(
    one: Number, said: Sequence[Number], held: Sequence[Number], places: Sequence[int], in_order: bool
) -> bool:
    """Return whether no other number of the same unit stands beside a word that this one is said with, and it does not.

    Not counted as such is one that is said, too, where all are said in the order in which they are held.
    """
    rivals = [
        other
        for other in held
        if other.unit == one.unit and bool(other.label) == bool(one.label) and not one.same_value(other)
    ]
    if in_order:
        rivals = [other for other in rivals if not any(mention.same_value(other) for mention in said)]
    return any(all(one.around & other.around <= held[place].around for other in rivals) for place in places)
