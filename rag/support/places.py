"""A passage to the places in it that can state something: sentences, pairs of them that belong together, rows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.rows import BAR, cells_with_names, header_of
from rag.sentences import sentence_spans
from rag.support.lexicon import CJK_PRONOUNS, PRONOUNS
from rag.support.numbers import Number, numbers
from rag.support.tokens import Kind, Token, stems, tokens

# What a document tells a model rather than its readers states nothing; nor does what follows in its paragraph.
_ORDER = re.compile(
    r"(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|prompt|rules?\b|above\b|previous)"
    r"|(?:system|developer)[ -](?:prompt|message)|</?\s*sources\s*>"
    r"|\b(?:language model|ai assistant|as an ai|assistant must|chatbot)\b"
    r"|(?:ignorier|vergiss|missachte).{0,40}(?:anweisung|regel)|sprachmodell|(?:ignora|olvida).{0,40}instruccion"
    r"|modelo de lenguaje|(?:忽略|无视).{0,20}(?:指令|指示|规则)|语言模型|系统提示",
    re.IGNORECASE | re.DOTALL,
)
_PARAGRAPH_END = re.compile(r"\n\s*\n")
_END = Token(kind=Kind.STRONG, plain=".")


@dataclass(frozen=True, kw_only=True)
class Held:
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


def places(text: str, context: str, language: str) -> tuple[list[Held], list[Held]]:
    """Return the single sentences, and the pairs of which the second refers to the first.

    A row is read with the names of its columns, a list's item with the line that leads to the list.
    """
    spans = list(_stated(text))
    header = header_of(text, context)
    shown = [_with_columns(text[start:end].strip(), header) for start, end in spans]
    read = [tokens(piece, language) for piece in _with_leads(shown)]
    refers = [_refers_back(piece) for piece in shown]
    headings = tokens(context.partition("\n")[0], language)
    passage = frozenset(stems([token for piece in read for token in piece]))

    def held(first: int, last: int) -> Held:
        before = read[first - 1] if first and refers[first] else []
        return Held(
            start=spans[first][0],
            end=spans[last][1],
            found=[token for piece in read[first : last + 1] for token in (*piece, _END)],
            around=frozenset(stems(headings) | stems(before)),
            around_numbers=[number for number in numbers(headings) if number.label],
            passage=passage,
        )

    pairs = [held(second - 1, second) for second in range(1, len(spans)) if refers[second]]
    return [held(one, one) for one in range(len(spans))], pairs


def _with_columns(piece: str, header: str) -> str:
    """Return a row with each cell after the name of its column; anything else as it is."""
    if BAR not in piece:
        return piece
    named = cells_with_names(piece, header)
    return BAR.join(f"{re.sub(r'[():,]', ' ', name)} {cell}" for name, cell in named)


def _with_leads(shown: Sequence[str]) -> Iterator[str]:
    """Yield each piece, an item of a list after the line that ends with a colon before the list."""
    lead = ""
    for piece in shown:
        yield f"{lead}\n{piece}" if lead else piece
        if piece.endswith((":", "：")):
            lead = piece
        elif not piece.startswith(("-", "*", "•")):
            lead = ""


def _refers_back(sentence: str) -> bool:
    """Return whether the sentence begins with a word that stands for something in the one before."""
    first = re.match(r"[^\W\d_]+", sentence)
    return first is not None and (first.group().casefold() in PRONOUNS or sentence.startswith(CJK_PRONOUNS))


def _stated(text: str) -> Iterator[tuple[int, int]]:
    """Yield the sentences that are for readers: not what orders a model about, to the end of its paragraph."""
    quiet_until = 0
    for start, end in sentence_spans(text):
        if _ORDER.search(text[start:end]):
            stop = _PARAGRAPH_END.search(text, start)
            quiet_until = stop.end() if stop else len(text)
        if start >= quiet_until:
            yield start, end
