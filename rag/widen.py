"""Hits to whole passages: widened by their neighbours in the document, and those that touch put together as one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rag.budget import estimate
from rag.records import chunk_id
from rag.types import Hit

MOST_GAP = 4  # characters of white space between two passages that were one text


def neighbours(hits: Sequence[Hit]) -> list[str]:
    """Return the ids of the chunks before and after each hit, whether there are such chunks or not."""
    return [_next(hit, step) for hit in hits for step in (-1, 1)]


def widened(hits: Sequence[Hit], near: Mapping[str, Hit], room_tokens: int) -> list[tuple[Hit, tuple[str, ...]]]:
    """Return the hits, best first, each with the ids of the chunks that its text is put together from.

    `near` are the chunks that may be added, of the same version as their hit and with the same rights. The best hit is
    widened first; a chunk is added whole or not at all, as long as all that is added fits `room_tokens`, estimated.
    Hits that touch become one, in the place of the better one. A text is that of the document from `start` to `end`;
    white space between two chunks may be another.
    """
    chosen = {hit.chunk_id: hit for hit in hits}
    for hit in hits:
        for step in (-1, 1):
            other = near.get(_next(hit, step))
            if other is None or other.chunk_id in chosen or not _touch(*((other, hit) if step < 0 else (hit, other))):
                continue
            cost = estimate(other.text)
            if cost <= room_tokens:
                chosen[other.chunk_id] = other
                room_tokens -= cost
    found = [(joined(run), tuple(one.chunk_id for one in run)) for run in _runs(list(chosen.values()))]
    ranks = {hit.chunk_id: rank for rank, hit in enumerate(hits)}
    best = [min((one for one in ids if one in ranks), key=ranks.__getitem__) for _, ids in found]
    ordered = sorted(zip(best, found, strict=True), key=lambda pair: ranks[pair[0]])
    return [(of_hit(hits[ranks[name]], hit), ids) for name, (hit, ids) in ordered]


def joined(run: Sequence[Hit]) -> Hit:
    """Return chunks that touch, in reading order, as one: what they share is there once."""
    whole = run[0]
    for one in run[1:]:
        shared = whole.end - one.start
        between = " " if shared == -1 else "\n" * max(0, -shared)
        whole = replace(whole, text=whole.text + between + one.text[max(0, shared) :], end=max(whole.end, one.end))
    return whole


def of_hit(best: Hit, whole: Hit) -> Hit:
    """Return the hit with the text of the whole that was made of it."""
    return replace(best, text=whole.text, start=whole.start, end=whole.end)


def _runs(hits: Sequence[Hit]) -> list[list[Hit]]:
    runs: list[list[Hit]] = []
    for hit in sorted(hits, key=lambda hit: (hit.document_id, hit.version, hit.start)):
        if runs and _touch(runs[-1][-1], hit):
            runs[-1].append(hit)
        else:
            runs.append([hit])
    return runs


def _touch(hit: Hit, after: Hit) -> bool:
    """Whether `after` goes on where `hit` ends, on the same page, under the same headings, in the same table."""
    return (
        (hit.document_id, hit.version, hit.page, hit.section, hit.context)
        == (after.document_id, after.version, after.page, after.section, after.context)
        and hit.start <= after.start <= hit.end + MOST_GAP
        and hit.end <= after.end
    )


def _next(hit: Hit, step: int) -> str:
    return chunk_id(hit.document_id, hit.version, int(hit.chunk_id.rpartition(".")[2]) + step)
