"""Processes are killed at random moments while documents come in. `rag bench crash` does it at size."""

import random

from bench.crash import disturb

DOCUMENTS, KILLS = 60, 6


def test_kills_lose_nothing_double_nothing_and_leave_nothing_waiting() -> None:
    outcome = disturb(DOCUMENTS, KILLS, random.Random(7))  # noqa: S311  # reproducible, not secret

    assert (outcome.accepted, outcome.kills) == (DOCUMENTS, KILLS)
    assert outcome.unsettled == []
    assert outcome.without_reason == []
    assert (outcome.missing, outcome.doubled) == (0, 0)
    assert outcome.differing == []
    assert outcome.longest_pause_s < 60
