"""Hits are widened by their neighbours: no text twice, no span wrong, nothing from another place."""

from dataclasses import replace

from rag.budget import estimate
from rag.types import Hit
from rag.widen import joined, neighbours, widened

TEXT = "One is first. Two follows one. Three comes then.\n\nFour is late. Five is last."
SPANS = [(0, 14), (14, 31), (25, 48), (50, 64), (64, 77)]


def hit(ordinal: int, **changes: object) -> Hit:
    start, end = SPANS[ordinal]
    plain = Hit(
        chunk_id=f"doc_a.1.{ordinal}",
        document_id="doc_a",
        version=1,
        title="Counting",
        text=TEXT[start:end],
        context="Counting",
        page=1,
        section=None,
        start=start,
        end=end,
        score=0.9 - ordinal / 10,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


NEAR = {f"doc_a.1.{n}": hit(n) for n in range(5)}


def test_a_hit_is_widened_to_both_sides_and_its_text_is_the_documents() -> None:
    [(whole, ids)] = widened([hit(2)], NEAR, 100)

    assert ids == ("doc_a.1.1", "doc_a.1.2", "doc_a.1.3")
    assert whole.text == TEXT[whole.start : whole.end] == TEXT[14:64]
    assert (whole.chunk_id, whole.score) == ("doc_a.1.2", hit(2).score)


def test_hits_that_touch_become_one_in_the_place_of_the_better_one() -> None:
    far = hit(0, chunk_id="doc_b.1.7", document_id="doc_b")

    found = widened([hit(3), far, hit(2)], {}, 0)

    assert [(one.chunk_id, ids) for one, ids in found] == [
        ("doc_a.1.3", ("doc_a.1.2", "doc_a.1.3")),
        ("doc_b.1.7", ("doc_b.1.7",)),
    ]


def test_hits_that_a_neighbour_connects_become_one() -> None:
    [(whole, ids)] = widened([hit(0), hit(2)], {"doc_a.1.1": hit(1)}, 100)

    assert (len(ids), whole.text) == (3, TEXT[:48])


def test_no_more_is_added_than_there_is_room_for_and_the_best_hit_comes_first() -> None:
    [(first, ids), (second, alone)] = widened([hit(4), hit(0)], NEAR, estimate(hit(3).text))

    assert ids == ("doc_a.1.3", "doc_a.1.4")
    assert alone == ("doc_a.1.0",)
    assert (first.start, second.text) == (50, hit(0).text)


def test_a_neighbour_of_another_page_section_or_table_is_not_added() -> None:
    for changes in ({"page": 2}, {"section": "Other"}, {"context": "Counting\nNo | Word"}, {"version": 2}):
        [(_, ids)] = widened([hit(1)], {"doc_a.1.0": hit(0, **changes)}, 100)
        assert ids == ("doc_a.1.1",)


def test_the_neighbours_of_a_hit_are_asked_for_by_their_ids() -> None:
    assert neighbours([hit(3)]) == ["doc_a.1.2", "doc_a.1.4"]


def test_what_chunks_share_is_there_once() -> None:
    assert joined([hit(1), hit(2)]).text == "Two follows one. Three comes then."
