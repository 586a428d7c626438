"""A question to what its answer must have: a number of some unit, a date, a name, the codes it asks about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.support.lexicon import ANYBODY, COMPOUNDING, MONTHS
from rag.support.numbers import Number, numbers
from rag.support.tokens import Kind, Token, language_of, stems, tokens

ANY_UNIT = frozenset({""})
TIME = frozenset({"second", "minute", "hour", "day", "week", "month", "year", "date"})
MONEY = frozenset({"pound", "euro", "dollar", "yuan", "pence", "percent"})
# What a question asks for, by its words; the first that fits. A number of any unit stands last.
_KINDS: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(words, re.IGNORECASE), units)
    for words, units in (
        (r"\bhow loud\b|\bwie laut\b|\bruido\b|噪声|噪音", frozenset({"db"})),
        (r"\bhow heavy\b|\bwie schwer\b|\bcuánto pesa\b|多重", frozenset({"kg", "g", "tonne"})),
        (r"\bhow (?:hot|cold|warm)\b|\btemperature\b|\btemperatur\b|\btemperatura\b|温度", frozenset({"celsius"})),
        (r"\b(?:how far|wie weit)\b", frozenset({"km", "mile", "m"})),
        (
            r"\b(?:what|which|how (?:much|high)) .*\b(?:price|costs?|rent|fee|salary|turnover|revenue|bonus|reward"
            r"|surcharge|pay|paid|budget)\b|\bhow much (?:do|does|is|are) .*(?:get|cost|pay|paid)\b"
            r"|\bwas kostet\b|\bwie viel kostet\b|\bwie hoch ist .*(?:miete|preis|gebühr|prämie|umsatz)"
            r"|\bcuánto (?:cuesta|se paga)\b|\bqué precio\b|多少钱|价格",
            MONEY,
        ),
        (
            r"\bhow (?:often|long|fast|quickly|soon|late|early|old)\b|\bwhen\b"
            r"|\b(?:what|which) (?:\w+ )?(?:time|date|day|year|week|month)\b"
            r"|\bwie (?:oft|lange|schnell|alt)\b|\bwann\b"
            r"|\bcuándo\b|\bcuánto (?:tiempo|dura|tarda)\b|\bcada cuánto\b|\bqué (?:hora|fecha|día|año)\b"
            r"|多久|多长时间|何时|什么时候|几[点月天]",
            TIME,
        ),
        (
            r"\bhow (?:many|much|high|large|big|deep|wide|tall)\b"
            r"|\b(?:what|which) (?:\w+ )?(?:rate|torque|amount|percentage|number|floor|extension)\b"
            r"|\bwie (?:viel|viele|hoch|groß|breit|tief)\b|\bcuánt[oa]s?\b|多少|几[个次小]|多高",
            ANY_UNIT,
        ),
    )
)
_COUNTED = re.compile(r"\b(?:how many|wie viele|cuánt[oa]s)\s+([^\W\d_]+)", re.IGNORECASE)
_NAME = re.compile(r"\bwhom?\b|\b(?:which|what) (?:\w+ )?company\b|\bwe[rmn]\b|\bquién(?:es)?\b|谁", re.IGNORECASE)
_RHYTHM = re.compile(
    r"\b(?:daily|weekly|monthly|yearly|annually|hourly|once|twice|never|always|noon|midnight|today|tomorrow"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|täglich|wöchentlich|monatlich|jährlich|einmal|nie|montags?|freitags?"
    r"|diari\w+|semanal\w*|mensual\w*|anual\w*|nunca)\b"
    r"|\b(?:every|alle|cada)\s+\d|每\s*[天周月年日\d]|从不",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked. `words` are stems. `units`: what a number in the answer may be counted in, ANY_UNIT for any.

    `names` are names, `codes` codes, `numbered` names with a number such as Plover 400; `counted` is what "how many"
    counts, as a unit or a stem.
    """

    language: str
    words: frozenset[str]
    names: frozenset[str]
    codes: frozenset[str]
    numbered: frozenset[tuple[str, float | str]]
    units: frozenset[str]
    counted: frozenset[str]
    person: bool

    @classmethod
    def of(cls, text: str) -> "Asked":
        language = language_of(text)
        found = tokens(text, language)
        counted = _COUNTED.search(text)
        noun = tokens(counted[1], language) if counted and counted[1].casefold() not in ANYBODY else []
        named = [] if language in COMPOUNDING else [token for token in found if token.kind == Kind.NAME]
        return cls(
            language=language,
            words=frozenset(stems(found)),
            names=frozenset(stems([token for token in named if token.plain not in MONTHS])),
            codes=frozenset(stems([token for token in found if token.kind == Kind.CODE])),
            numbered=frozenset(_numbered(numbers(found))),
            units=next((units for words, units in _KINDS if words.search(text)), frozenset()),
            counted=frozenset(unit for token in noun if (unit := token.unit)) or frozenset(stems(noun)),
            person=_NAME.search(text) is not None,
        )

    def names_in(self, found: Sequence[Token]) -> bool:
        """Return whether all names of the question are among the tokens."""
        return self.names <= stems(found)

    def codes_in(self, found: Sequence[Token]) -> bool:
        """Return whether all codes and all names with a number are."""
        return self.codes <= stems(found) and self.numbered <= set(_numbered(numbers(found)))

    def kind_in(self, text: str) -> bool:
        """Return whether a text has what is asked for; true if that is neither a number nor a name."""
        found = tokens(text, self.language)
        held = numbers(found)
        if self.counted:
            units = {number.unit for number in held}
            return bool(self.counted & units) or bool(held and self.counted & stems(found))
        if self.units == ANY_UNIT:
            return bool(held)
        if self.units:
            rhythm = "day" in self.units and _RHYTHM.search(text) is not None
            return rhythm or any(_unit(number) in self.units for number in held)
        return not self.person or any(token.kind == Kind.NAME for token in found)


def _unit(number: Number) -> str:
    """Return a number's unit; a time of day or a month beside it makes it a date."""
    dated = any(isinstance(value, str) for value in number.token.values) or bool(number.around & MONTHS)
    return number.unit or ("date" if dated else "")


def _numbered(found: Sequence[Number]) -> list[tuple[str, float | str]]:
    return [
        (number.label, value)
        for number in found
        if number.label and number.label not in MONTHS
        for value in number.token.values
    ]
