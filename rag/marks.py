"""Marks [n] in an answer, from the numbers of one list of sources to those of another."""

import re
from collections.abc import Mapping

_MARK = re.compile(r"(\s?)\[(\d{1,4})\]")


def relabelled(text: str, numbers: Mapping[int, int]) -> str:
    """Return the text with every mark's number replaced; a mark whose number is not among them is removed."""

    def other(match: re.Match[str]) -> str:
        n = numbers.get(int(match[2]))
        return "" if n is None else f"{match[1]}[{n}]"

    return _MARK.sub(other, text)
