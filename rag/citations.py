"""A written answer to one that its sources prove: marks checked, put right or dropped, and with them the sentence."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

from rag.sentences import sentences
from rag.support.places import places
from rag.support.proof import Place, prove
from rag.support.said import Statement, clauses_alone, harmless
from rag.types import Citation, Hit

_NUMBERS = r"\[(\d{1,3}(?:\s?,\s?\d{1,3})*)\]"
MARK = re.compile(rf"\s?(?:\*\*{_NUMBERS}\*\*|{_NUMBERS})")
_AFTER_END = re.compile(r"([.!?。！？])((?:\s?\[[\d, ]+\])+)")  # many models write `... end. [1] Next`
_LEADS_IN = re.compile(
    r"\A\s*\d{1,2}[.)]\s*\Z|[:：]\s*\Z|(?:\A|\n)\s*\|[\s:|-]+\s*\Z"
)  # before a list; the rule below a table's header
_END = re.compile(r"(?:[.!?。！？][\"”’」)]*|\s*\|)\Z")
_WORD = re.compile(r"\w")
Proof = Callable[[Statement], Place | None]  # where a source states something


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What is left of an answer, a citation for each of its marks, in order, and how many marks were not proven."""

    answer: str
    citations: list[Citation]
    dropped_marks: int


def check(answer: str, hits: Sequence[Hit], question: str = "") -> Checked:
    """Return the answer with the sentences that a source states, each with the marks of those that do.

    A mark after an end mark belongs to the sentence before it. A mark whose source does not state the sentence, or
    was not given, is dropped; if another source states it, the sentence gets that one's. A sentence that none
    states is left out. The question completes an answer of a word or two.
    """
    kept: list[str] = []
    citations: list[Citation] = []
    known = "\n".join([question, *(f"{hit.context}\n{hit.text}" for hit in hits)])
    dropped, waiting = 0, ""
    read = cache(places)  # the passages are the same for every sentence
    sources = [partial(prove, text=hit.text, context=hit.context, read=read) for hit in hits]
    for sentence in sentences(_AFTER_END.sub(r"\2\1", answer)):
        marks = list(dict.fromkeys(_marks(sentence)))
        statement = MARK.sub("", sentence)
        if _LEADS_IN.search(statement) or not _WORD.search(statement):
            dropped += len(marks)
            waiting += statement
            continue
        proven = dict(_proven(Statement(text=statement.strip(), asked=question), marks, sources))
        dropped += sum(n not in proven for n in marks)
        if proven:
            kept += [waiting if waiting and harmless(waiting, known) else "", _marked(statement, list(proven))]
            citations += [_cite(n, place, hits[n - 1]) for n, place in proven.items()]
        waiting = ""
    return Checked(answer="".join(kept).strip(), citations=citations, dropped_marks=dropped)


def rest_on(citations: Sequence[Citation], others: Sequence[Citation]) -> bool:
    """Return whether each of the citations shares characters with one of the others."""
    return all(
        any(
            (one.document_id, one.version) == (other.document_id, other.version)
            and one.start < other.end
            and other.start < one.end
            for other in others
        )
        for one in citations
    )


def _marks(sentence: str) -> Iterator[int]:
    for match in MARK.finditer(sentence):
        yield from (int(n) for n in (match[1] or match[2]).split(","))


def _proven(statement: Statement, marks: Sequence[int], sources: Sequence[Proof]) -> Iterator[tuple[int, Place]]:
    """Yield the marked sources that state it; if none does, of all sources the one that holds most of its words."""
    given = [n for n in marks if 1 <= n <= len(sources)]
    found = [(n, place) for n in given if (place := sources[n - 1](statement))]
    if found:
        yield from found
        return
    others = [n for n in range(1, len(sources) + 1) if n not in given]
    found = [(n, place) for n in others if (place := sources[n - 1](statement))]
    if found:
        yield max(found, key=lambda pair: pair[1].covered)
        return
    yield from _proven_in_parts(statement, given, sources)


def _proven_in_parts(
    statement: Statement, marks: Sequence[int], sources: Sequence[Proof]
) -> Iterator[tuple[int, Place]]:
    """Yield several marked sources of which each states clauses that stand alone, if no clause is left."""
    if len(marks) < 2:
        return
    places: dict[int, Place] = {}
    for clause in clauses_alone(statement):
        found = next(((n, place) for n in marks if (place := sources[n - 1](clause))), None)
        if found is None:
            return
        places.setdefault(*found)
    yield from ((n, places[n]) for n in marks if n in places)


def _cite(n: int, place: Place, hit: Hit) -> Citation:
    quote = hit.text[place.start : place.end]
    start = hit.start + place.start + len(quote) - len(quote.lstrip())
    return Citation(
        n=n,
        document_id=hit.document_id,
        version=hit.version,
        page=hit.page,
        section=hit.section,
        start=start,
        end=start + len(quote.strip()),
        quote=quote.strip(),
        supported=True,
    )


def _marked(statement: str, marks: Sequence[int]) -> str:
    """Return the sentence with these marks before its end mark, or the border of its row, and its white space."""
    body = statement.rstrip()
    end = _END.search(body)
    stop = end.start() if end else len(body)
    return body[:stop] + "".join(f" [{n}]" for n in marks) + body[stop:] + statement[len(body) :]
