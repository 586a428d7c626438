"""Marks from the numbers of one list of sources to those of another."""

import pytest

from rag.marks import relabelled


@pytest.mark.parametrize(
    ("written", "read"),
    [("Six [5].", "Six [1]."), ("Six [5, 6].", "Six [1, 2]."), ("Six [5,9].", "Six [1]."), ("Six [9, 8].", "Six.")],
)
def test_every_number_of_a_mark_is_replaced_or_removed(written: str, read: str) -> None:
    assert relabelled(written, {5: 1, 6: 2}) == read
