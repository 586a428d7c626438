"""Text to tokens that can be compared: words by their stems, numbers by their values, names and codes as they stand."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from rag.lexical.stopwords import STOPWORDS
from rag.lexical.words import DEFAULT_LANGUAGE, words
from rag.support.lexicon import (
    AT_LEAST,
    AT_MOST,
    CJK_AT_LEAST,
    CJK_AT_MOST,
    COUNTED,
    NEGATIONS,
    STRONG_WORDS,
    UNITS,
    WEAK_WORDS,
)

MOST_DIGITS = 15
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
_HAS_CJK = re.compile(f"[{CJK}]")
_MARKUP = re.compile(r"\*\*|__|`|(?<!\w)_|_(?!\w)|^\s{0,3}#{1,6}\s", re.MULTILINE)
# A heading's or a list item's own number says nothing: "7.2 Replacing", "3. Undo". A line may begin with another.
_ORDINAL = re.compile(
    r"(?:\A|\n\s*\n|(?<=\n))[ \t]*(?:\d{1,2}[.)]\s|(?:(?<=\n\n)|(?<!.))\d+(?:\.\d+)+\.?[ \t]+(?=[^\W\d_]))"
)
_SCAN = re.compile(
    rf"(?P<code>[^\W\d_{CJK}]{{1,12}}[-./]?\d[\w]*(?:[-./]\w+)*|\d+[^\W\d_{CJK}]+\d\w*)"
    r"|(?P<number>\d+(?:[.,:’'\u202f\u00a0]\d+)*)"
    rf"|(?P<run>[{CJK}]+)"
    rf"|(?P<word>°[CF]\b|[^\W\d_{CJK}]+(?:[-’'&][^\W\d_{CJK}]+)*)"
    r"|(?P<sign>[%£€$¥≤≥])"
    r"|(?P<strong>[;:|>()。！？；：（）]|[.!?](?=\s|$)|\s[–—-]\s|\n\s*\n|\n(?=\s*[-*•]\s))"
    r"|(?P<weak>[,，、])"
)


def _bound(phrases: Sequence[str], cjk: Sequence[str]) -> re.Pattern[str]:
    spaced = [phrase.replace(" ", r"\s+") for phrase in phrases if " " in phrase]
    single = [rf"{phrase}(?=\s*[£€$¥]?\s*\d)" for phrase in phrases if " " not in phrase]
    return re.compile(rf"(?<!\w)(?:{'|'.join(spaced + single)})(?!\w)|{'|'.join(cjk)}", re.IGNORECASE)


_BOUNDS = ((" ≤ ", _bound(AT_MOST, CJK_AT_MOST)), (" ≥ ", _bound(AT_LEAST, CJK_AT_LEAST)))
_CJK_FUNCTION = re.compile(
    r"可以|能够|应该|应当|需要|必须|以及|并且|因此|或者|如果|因为|所以|他们|我们|公司|员工|[的了是在和与及或由被把将会都也就这那其之于对从到个有为让要中]"
)


class Kind(Enum):
    """What a token is compared by; the last two part clauses."""

    WORD = auto()
    NAME = auto()
    CODE = auto()
    NUMBER = auto()
    STOP = auto()
    RUN = auto()
    WEAK = auto()
    STRONG = auto()


@dataclass(frozen=True, kw_only=True)
class Token:
    """`plain` is the text case-folded; `stems` what a word or a run is compared by; `values` what a number can mean."""

    kind: Kind
    plain: str
    capital: bool = False
    stems: tuple[str, ...] = ()
    values: frozenset[float | str] = field(default_factory=frozenset)

    @property
    def unit(self) -> str:
        """Return what a number before it is counted in: of a compound such as Betriebsstunden its last part."""
        return UNITS.get(self.plain) or next(
            (UNITS[tail] for at in range(3, len(self.plain) - 3) if (tail := self.plain[at:]) in UNITS), ""
        )

    @property
    def said(self) -> tuple[str, ...]:
        """Return what of it must be found: units are compared with their numbers."""
        return () if self.kind in {Kind.NUMBER, Kind.STOP, Kind.WEAK, Kind.STRONG} else self.stems


def language_of(*texts: str) -> str:
    """Return the language whose small words are the most, of those that have a list."""
    joined = " ".join(texts)
    if len(_HAS_CJK.findall(joined)) * 4 > len(joined):
        return "zh"
    found = re.findall(r"[^\W\d_]+", joined.casefold())
    counts = {language: sum(word in stop for word in found) for language, stop in STOPWORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] > counts[DEFAULT_LANGUAGE] else DEFAULT_LANGUAGE


def tokens(text: str, language: str) -> list[Token]:
    """Return the tokens of a text in their order."""
    plain = _ORDINAL.sub("\n", _MARKUP.sub("", unicodedata.normalize("NFKC", text)))
    for sign, phrases in _BOUNDS:
        plain = phrases.sub(sign, plain)
    found: list[Token] = []
    for match in _SCAN.finditer(plain):
        starts = not found or found[-1].kind == Kind.STRONG
        found += _read(str(match.lastgroup), match.group(), language, starts=starts)
    return found


def _read(group: str, text: str, language: str, *, starts: bool) -> Iterator[Token]:
    folded = text.casefold()
    if group == "number":
        yield Token(kind=Kind.NUMBER, plain=folded, values=_values(text, language))
    elif group == "code":
        code = re.sub(r"[\W_]", "", folded)
        yield Token(kind=Kind.CODE, plain=folded, stems=(code,))
    elif group == "run":
        yield from _run(folded)
    elif group == "sign":
        yield Token(kind=Kind.STOP, plain=folded)
    elif group == "strong" or folded in STRONG_WORDS:
        yield Token(kind=Kind.STRONG, plain=folded)
    elif group == "weak" or folded in WEAK_WORDS:
        yield Token(kind=Kind.WEAK, plain=folded)
    else:
        yield _word(text, folded, language, starts=starts)


def _word(text: str, folded: str, language: str, *, starts: bool) -> Token:
    counted = COUNTED.get(language, {}).get(folded)
    if counted is not None:
        return Token(kind=Kind.NUMBER, plain=folded, values=frozenset({counted}))
    shouts = text.isupper() and len(text) > 1
    if folded in NEGATIONS or folded.endswith(("n't", "n’t")):
        return Token(kind=Kind.STOP, plain=folded)
    stems = tuple(words(folded.removesuffix("'s").removesuffix("’s"), language))
    is_name = text[0].isupper() and (not starts or (shouts and len(text) <= 5))
    kind = Kind.STOP if not stems or folded in UNITS else Kind.NAME if is_name else Kind.WORD
    return Token(kind=kind, plain=folded, capital=text[0].isupper(), stems=stems)


def _run(text: str) -> Iterator[Token]:
    """Units after a number are tokens of their own; so are the pieces between words that only join."""
    unit = next((text[:size] for size in (3, 2, 1) if text[:size] in UNITS), "")
    if unit:
        yield Token(kind=Kind.STOP, plain=unit)
    for piece in _CJK_FUNCTION.split(text[len(unit) :]):
        if piece:
            pairs = tuple(piece[at : at + 2] for at in range(max(1, len(piece) - 1)))
            yield Token(kind=Kind.RUN, plain=piece, stems=pairs)


def _values(text: str, language: str) -> frozenset[float | str]:
    """Return what a number can mean: 1.200 is a thousand in German, 1.2 in English."""
    plain = re.sub(r"[’'\u202f\u00a0]", "", text)
    if ":" in plain:
        return frozenset({":".join(part.lstrip("0") or "0" for part in plain.split(":"))})
    points, commas = plain.count("."), plain.count(",")
    if points and commas:
        decimal = max(".,", key=plain.rfind)
        return _floats(plain.replace("," if decimal == "." else ".", "").replace(decimal, "."))
    thousands = re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", plain)
    if points > 1 or commas > 1:
        return _floats(re.sub(r"[.,]", "", plain)) if thousands else frozenset({plain})
    if not thousands:
        return _floats(plain.replace(",", "."))
    english = language in {"en", "zh", "ja"}
    if commas:
        return _floats(plain.replace(",", "")) | (frozenset() if english else _floats(plain.replace(",", ".")))
    return _floats(plain) | (frozenset() if english else _floats(plain.replace(".", "")))


def _floats(plain: str) -> frozenset[float | str]:
    """Return the number, or its text where a float would not hold all of its digits."""
    if len(plain) > MOST_DIGITS:
        return frozenset({plain})
    try:
        return frozenset({float(plain)})
    except ValueError:
        return frozenset({plain})


def clauses(found: Sequence[Token], *, tight: bool) -> list[list[Token]]:
    """Return the tokens between strong signs; tight ones end at commas and conjunctions, too."""
    ends = {Kind.STRONG, Kind.WEAK} if tight else {Kind.STRONG}
    parts: list[list[Token]] = [[]]
    for token in found:
        if token.kind in ends:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def stems(found: Sequence[Token]) -> set[str]:
    """Return what of these tokens must be found, or can be."""
    return {stem for token in found for stem in token.said}


def names(found: Sequence[Token]) -> frozenset[str]:
    """Return the stems of names and codes."""
    return frozenset(stems([token for token in found if token.kind in {Kind.NAME, Kind.CODE}]))
