"""Marks in an answer to checked citations: does the source state what the sentence says?"""

import re
from collections.abc import Sequence

from rag.sentences import sentence_spans, sentences
from rag.types import Citation, Hit

MARK = re.compile(r"\s?\[(\d{1,2})\]")
SUPPORT = 0.6  # share of a sentence's words that its source must hold
_AFTER_END = re.compile(r"([.!?。！？])((?:\s?\[\d{1,2}\])+)")  # many models write `... end. [1] Next`
_CJK = "\u3040-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:[.,:]\d+)*")


def check(answer: str, hits: Sequence[Hit]) -> tuple[str, list[Citation]]:
    """Return the answer with its marks put right, and a citation for every mark, in order.

    A mark to a source that was not given is removed. A mark after an end mark belongs to the sentence before
    it. A sentence without a mark gets that of the source which states it, if one does. `supported` says
    whether the source holds the sentence's numbers and most of its words; the quote is the source's closest
    sentence.
    """
    checked: list[str] = []
    citations: list[Citation] = []
    for sentence in sentences(_AFTER_END.sub(r"\2\1", answer)):
        statement = MARK.sub("", sentence).strip()
        if not words(statement):
            checked.append(MARK.sub("", sentence))
            continue
        marks = [int(n) for n in MARK.findall(sentence) if 1 <= int(n) <= len(hits)]
        marks = list(dict.fromkeys(marks)) or [n for n in [_stating(statement, hits)] if n]
        citations += [_cite(n, statement, hits[n - 1]) for n in marks]
        checked.append(_remarked(sentence, marks))
    return "".join(checked).strip(), citations


def words(text: str) -> set[str]:
    """Return the words that carry meaning: numbers without separators, CJK signs, words of three letters and more."""
    found = (word.replace(",", "").lower() for word in _WORD.findall(text))
    return {word for word in found if len(word) > 2 or not word.isascii() or word[0].isdigit()}


def support(statement: str, source: str) -> float:
    """Return the share (0 to 1) of the statement's words in the source; 0 if one of its numbers is missing."""
    said, held = words(statement), words(source)
    if not said or any(word[0].isdigit() and word not in held for word in said):
        return 0.0
    return len(said & held) / len(said)


def _stating(statement: str, hits: Sequence[Hit]) -> int | None:
    """Return the number of the source that states this best, or None."""
    best = max(range(len(hits)), key=lambda i: support(statement, _full_text(hits[i])), default=None)
    return best + 1 if best is not None and support(statement, _full_text(hits[best])) >= SUPPORT else None


def _cite(n: int, statement: str, hit: Hit) -> Citation:
    said = words(statement)
    start, end = max(
        sentence_spans(hit.text), key=lambda span: len(said & words(hit.text[span[0] : span[1]])), default=(0, 0)
    )
    quote = hit.text[start:end]
    start += len(quote) - len(quote.lstrip())
    return Citation(
        n=n,
        document_id=hit.document_id,
        version=hit.version,
        page=hit.page,
        start=hit.start + start,
        end=hit.start + start + len(quote.strip()),
        quote=quote.strip(),
        supported=support(statement, _full_text(hit)) >= SUPPORT,
    )


def _full_text(hit: Hit) -> str:
    return f"{hit.context}\n{hit.text}"


def _remarked(sentence: str, marks: Sequence[int]) -> str:
    """Return the sentence with exactly these marks, before its end mark and white space."""
    bare = MARK.sub("", sentence)
    body = bare.rstrip()
    stop = body[-1] if body and body[-1] in ".!?。！？" else ""
    text = body[: len(body) - len(stop)]
    return text + "".join(f" [{n}]" for n in marks) + stop + bare[len(body) :]
