"""Hits to a decision, before anything is written: is there enough in them to answer from?"""

from collections.abc import Sequence

from rag.types import Hit


def doubt(hits: Sequence[Hit], min_score: float) -> str:
    """Return why a question should not be answered from these hits, in words, or "" if it can be."""
    if not hits:
        return "no passage was found"
    if max(hit.scores.get("dense", -1.0) for hit in hits) < min_score:
        return "no passage is close enough to the question"
    return ""
