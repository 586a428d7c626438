"""A sentence and a passage to the place in it that states the sentence, or to none."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.sentences import sentence_spans
from rag.support.lexicon import ANYBODY, CJK_PRONOUNS, COMPOUNDING, GENERIC, PRONOUNS
from rag.support.numbers import Number, agree, numbers
from rag.support.polarity import denied, opposed, same_polarity
from rag.support.tokens import Kind, Token, clauses, language_of, stems, tokens

COVERED = 0.6  # share of a sentence's words that the place must hold
CLAUSE_COVERED = 0.5  # and of each of its clauses
HELD_ITSELF = 0.4  # by the place itself, not by its headings
PERMUTED = 0.8  # share of common words from which the order of names is compared
BARE_WORDS = 2  # words under which a statement is taken with its question
SHORTEST_PART, LONGEST_LINK = 4, 3  # characters of a compound's part, and what may stand between two
WINDOW = 2  # sentences that together may state one
_REPLY = re.compile(r"^(?:yes|no|ja|nein|sí|oui|non)[,.:]\s+|^(?:是的?|不是?|对)[，。]", re.IGNORECASE)
# What a document tells a model rather than its readers states nothing; nor does what follows in its paragraph.
_ORDER = re.compile(
    r"(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|prompt|rules?\b|above\b|previous)"
    r"|(?:system|developer)[ -](?:prompt|message)|</?\s*sources\s*>"
    r"|\b(?:language model|ai assistant|as an ai|assistant must|chatbot)\b"
    r"|(?:ignorier|vergiss|missachte).{0,40}(?:anweisung|regel)|sprachmodell|(?:ignora|olvida).{0,40}instruccion"
    r"|modelo de lenguaje|(?:忽略|无视).{0,20}(?:指令|指示|规则)|语言模型|系统提示",
    re.IGNORECASE | re.DOTALL,
)
_CLAUSE_END = re.compile(r"[,;]\s+|\s+(?:and|und|y|et)\s+|[，；]")
_PARAGRAPH_END = re.compile(r"\n\s*\n")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A sentence without marks; `asked` is the question it answers, which completes one of a word or two."""

    text: str
    asked: str = ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a passage states something: [start, end) in its text, and the share of the words it has, 0 to 1."""

    start: int
    end: int
    covered: float


def prove(statement: Statement, text: str, context: str) -> Place | None:
    """Return the shortest place in `text` that states the sentence, the one with most of its words, or None.

    `context` has title and headings, and in a second line a table's header: names and words may be found there, but
    most must stand in the place itself. Where several sentences state a part each, the first one is returned.
    """
    language = language_of(statement.text, text)
    said = _Said.of(statement, language)
    if not said.anything:
        return None
    places = _places(text, context, language)
    whole = _best(said, places)
    if whole or len(said.parts) < 2:
        return whole
    parts = [_best(part, places) for part in said.parts]
    proven = [part for part in parts if part]
    return proven[0] if len(proven) == len(parts) and all(part.stands_alone for part in said.parts) else None


def clauses_alone(statement: Statement) -> list[Statement]:
    """Return the clauses of a sentence that say enough to be proven apart; one that does not goes with the one before."""
    parts: list[str] = []
    for part in _CLAUSE_END.split(statement.text):
        alone = len(stems(tokens(part, language_of(statement.text)))) >= BARE_WORDS
        if parts and not alone:
            parts[-1] += f", {part}"
        else:
            parts.append(part)
    return [Statement(text=part) for part in parts]


def harmless(lead: str, known: str) -> bool:
    """Return whether a line before a list claims nothing of its own: no number, no denial, no word that is not known."""
    language = language_of(lead, known)
    said = tokens(lead, language)
    return not numbers(said) and not denied(said) and stems(said) <= stems(tokens(known, language)) | GENERIC


@dataclass(frozen=True, kw_only=True)
class _Said:
    """A statement, or a clause of one, as it is compared. `asked` has the question's words if it is bare without."""

    found: Sequence[Token]
    language: str
    asked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, statement: Statement, language: str) -> "_Said":
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
    def parts(self) -> "list[_Said]":
        split = clauses(self.found, tight=True)
        return [_Said(found=part, language=self.language) for part in split if stems(part) or numbers(part)]

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


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A place of a passage: its tokens, and the words of what stands around it."""

    start: int
    end: int
    found: Sequence[Token]
    around: frozenset[str]
    around_numbers: Sequence[Number]
    passage: frozenset[str]

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(stems(self.found))

    @cached_property
    def elsewhere(self) -> frozenset[str]:
        """Return the words that the passage has in other places alone."""
        return self.passage - self.words - self.around

    @cached_property
    def numbers(self) -> list[Number]:
        return numbers(self.found)


def _best(said: _Said, places: Sequence[_Held]) -> Place | None:
    """Return the place that has most of the words; `places` are in groups of growing length."""
    best: tuple[int, Place] | None = None
    for held in places:
        covered = _covered(said, held)
        if covered is None or (best and (best[1].end - best[1].start < held.end - held.start) and best[0] >= 1):
            continue
        own = len(said.words & held.words)
        if best is None or own > best[0]:
            best = own, Place(start=held.start, end=held.end, covered=covered)
    return best[1] if best else None


def _covered(said: _Said, held: _Held) -> float | None:
    """Return the share of the words that are held, or None if the place does not state what is said."""
    everything = held.words | held.around
    found = {word for word in said.words if _within(word, everything, held.passage, said.language)}
    share = len(found) / len(said.words) if said.words else 1.0
    own = sum(_within(word, held.words, held.passage, said.language) for word in said.words)
    if share < COVERED or own < HELD_ITSELF * len(said.words) or not said.required & said.words <= found:
        return None
    for part in said.parts:
        if len(part.words) >= (BARE_WORDS if part.numbers else 1) and len(part.words & found) < CLAUSE_COVERED * len(part.words):
            return None
    if said.asked and len(said.asked & everything) < CLAUSE_COVERED * len(said.asked):
        return None
    if not agree(said.numbers, [*held.numbers, *held.around_numbers]):
        return None
    if not same_polarity(said.found, held.found) or opposed(said.found, held.found, said.language):
        return None
    if not said.words - found <= said.words - held.elsewhere:
        return None
    return None if _names_swapped(said, held) or _name_without_its_role(said, held) or _foreign_run(said, held) else share


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
        0 <= len(word) - len(head) - len(tail) <= LONGEST_LINK and tail in held
        for head in heads
        for tail in tails
    )


def _names_swapped(said: _Said, held: _Held) -> bool:
    """Return whether nearly the same words stand around the same names in another order."""
    common = said.words & held.words
    if len(common) < PERMUTED * max(len(said.words), len(held.words), 1):
        return False
    ours, theirs = (
        list(dict.fromkeys(stem for token in found if token.kind in {Kind.NAME, Kind.CODE} or token is found[0] for stem in token.said))
        for found in (said.found, held.found)
    )
    ours, theirs = [name for name in ours if name in theirs], [name for name in theirs if name in ours]
    return ours != theirs


def _name_without_its_role(said: _Said, held: _Held) -> bool:
    """Return whether a clause says of one name what the place says of another that is not mentioned."""
    if said.language in COMPOUNDING:  # all nouns look like names
        return False
    theirs = [(frozenset(stems(part)), _names(part)) for part in clauses(held.found, tight=True)]
    for clause in clauses(said.found, tight=True):
        content, names = frozenset(stems(clause)), _names(clause)
        own = [content & words for words, others in theirs if names & others]
        rivals = [content & words for words, others in theirs if others and not others & said.words]
        if own and not any(all(rival <= mine for rival in rivals) for mine in own):
            return True
    return False


def _names(found: Sequence[Token]) -> frozenset[str]:
    return frozenset(stems([token for token in found if token.kind in {Kind.NAME, Kind.CODE}]))


def _foreign_run(said: _Said, held: _Held) -> bool:
    """Return whether a piece of Chinese or Japanese has two neighbouring characters that the place has not at all."""
    characters = {char for stem in held.words | held.around for char in stem}
    return any(
        char not in characters and following not in characters
        for token in said.found
        if token.kind == Kind.RUN
        for char, following in zip(token.plain, token.plain[1:], strict=False)
    )


def _places(text: str, context: str, language: str) -> list[_Held]:
    """Return single sentences, then pairs of them; a row of a table with its header's cells."""
    spans = [span for span in _stated(text) if text[span[0] : span[1]].strip()]
    title, _, header = context.partition("\n")
    header = header or next((text[a:b] for a, b in spans if " | " in text[a:b]), "")
    shown, leads = [], []
    lead = ""
    for start, end in spans:
        sentence = text[start:end].strip()
        leads.append(lead)
        shown.append(_row(sentence, header) if " | " in sentence and sentence != header.strip() else sentence)
        lead = sentence if sentence.endswith((":", "：")) else lead if sentence.startswith(("-", "*", "•")) else ""
    read = [tokens(f"{lead}\n{sentence}" if lead else sentence, language) for lead, sentence in zip(leads, shown, strict=True)]
    headings = tokens(title, language)
    places = [
        _held(spans[at : at + size], read, at, headings, refers_back=_refers_back(shown[at]))
        for size in range(1, WINDOW + 1)
        for at in range(len(spans) - size + 1)
        if size == 1 or _refers_back(shown[at + 1])
    ]
    return places


def _held(
    spans: Sequence[tuple[int, int]],
    read: Sequence[Sequence[Token]],
    at: int,
    headings: Sequence[Token],
    *,
    refers_back: bool,
) -> _Held:
    found = [token for tokens_ in read[at : at + len(spans)] for token in (*tokens_, Token(kind=Kind.STRONG, plain="."))]
    before = read[at - 1] if at and refers_back else []
    return _Held(
        start=spans[0][0],
        end=spans[-1][1],
        found=found,
        around=frozenset(stems(headings) | stems(before)),
        passage=frozenset(stems([token for sentence in read for token in sentence])),
        around_numbers=[number for number in numbers(headings) if number.label],
    )


def _refers_back(sentence: str) -> bool:
    """Return whether the sentence begins with a word that stands for something in the one before."""
    first = re.match(r"[^\W\d_]+", sentence)
    return bool(first) and (first.group().casefold() in PRONOUNS or sentence.startswith(CJK_PRONOUNS))


def _row(row: str, header: str) -> str:
    """Return a table's row with each cell after the name of its column."""
    names = [re.sub(r"[():,]", " ", name).strip() for name in header.split(" | ")]
    cells = row.split(" | ")
    if len(names) != len(cells):
        return row
    return " | ".join(f"{name} {cell}" for name, cell in zip(names, cells, strict=True))


def _stated(text: str) -> Iterator[tuple[int, int]]:
    """Yield the sentences that are for readers: not what orders a model about, to the end of its paragraph."""
    quiet_until = 0
    for start, end in sentence_spans(text):
        if _ORDER.search(text[start:end]):
            stop = _PARAGRAPH_END.search(text, start)
            quiet_until = stop.end() if stop else len(text)
        if start >= quiet_until:
            yield start, end
