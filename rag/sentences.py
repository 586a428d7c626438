"""Sentence boundaries, as spans that cover a text without gap. One rule for chunks, quotes and citation checks."""

import re

# After an end mark and its closing quotes: white space in spaced scripts, nothing in Chinese and Japanese.
# Not after a single initial or a common abbreviation; a list item or a blank line ends a sentence, too.
_BOUNDARY = re.compile(
    r"(?:(?<!\b[A-Z])(?<!\b(?:Dr|Mr|St|No|vs))(?<!\b(?:Mrs|e\.g|i\.e))[.!?…][\"'”’)\]]*\s+(?=[^a-z\s])"
    r"|[。！？][”’」』）]*\s*"
    r"|\n\s*\n\s*"
    r"|\n(?=[ \t]*(?:[-*•#]|\d+[.)])\s|[^\n]* \| ))"
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return [start, end) of every sentence with its trailing white space, in order, covering `text`."""
    ends = [match.end() for match in _BOUNDARY.finditer(text) if match.end() < len(text)] + [len(text)]
    starts = [0, *ends[:-1]]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if end > start]


def sentences(text: str) -> list[str]:
    """Return the sentences of `text`; joined, they are `text`."""
    return [text[start:end] for start, end in sentence_spans(text)]
