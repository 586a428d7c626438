"""Marks [n] in an answer, from the numbers of one list of sources to those of another."""

import re
from collections.abc import Mapping

_MARK = re.compile(r"(\s?)\[(\d{1,4}(?:\s?,\s?\d{1,4})*)\]")


def relabelled(text: str, numbers: Mapping[int, int]) -> str:
    """Return the text with the numbers of every mark, [n] or [n, m], replaced.

    A number that is not among them is removed, with the last one the mark.
    """

    def other(match: re.Match[str]) -> str:
        found = [numbers.get(int(n)) for n in match[2].split(",")]
        kept = ", ".join(str(n) for n in found if n is not None)
        return f"{match[1]}[{kept}]" if kept else ""

    return _MARK.sub(other, text)
