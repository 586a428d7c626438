"""Another model's generation is filled beside the one that serves, and takes over in one step."""

import pytest

from rag.errors import GenerationNotReady, PassageTooLong
from rag.types import Status
from tests.workshop import Killed, Workshop, once, raising

SIX, SEVEN, EIGHT = "Six days of leave.", "Seven nights of rest.", "Eight weeks of notice."


def test_a_generation_of_another_dimension_is_filled_and_answers_after_the_switch(workshop: Workshop) -> None:
    workshop.add(SIX, SEVEN)
    workshop.add(EIGHT, filename="notice.md")
    workshop.work()
    second = workshop.build()
    before = workshop.found(SIX)

    workshop.work()
    workshop.generations.switch(second, "admin")

    assert workshop.indexes.serving().generation.dimension == 48
    assert before[0] == workshop.found(SIX)[0] == SIX
    assert workshop.is_consistent()
    workshop.generations.switch(workshop.generations.previous().id, "admin")
    assert workshop.indexes.serving().generation.dimension == 24
    assert workshop.found(SIX)[0] == SIX


def test_both_generations_are_kept_filled_so_that_going_back_loses_nothing(workshop: Workshop) -> None:
    second = workshop.build()
    workshop.generations.switch(second, "admin")
    document = workshop.add(SIX, SEVEN, source_id="hr/leave")
    workshop.work()
    workshop.add(EIGHT, source_id="hr/leave")
    workshop.work()

    workshop.generations.switch(1, "admin")

    assert workshop.found("notice") == [EIGHT]
    assert workshop.vectors() == {f"{document.id}.2.0"}
    assert workshop.is_consistent()


def test_a_switch_of_the_generation_between_vectors_and_switch_of_a_version_loses_nothing(workshop: Workshop) -> None:
    second = workshop.build()
    document = workshop.add(SIX)
    switch = once(lambda: workshop.generations.switch(second, "admin"))

    workshop.with_hooks(serving={"switch": switch}).work_once()
    between = workshop.document(document)
    workshop.work()

    assert (between.serving, between.latest.status) == (None, Status.QUEUED)
    assert workshop.found("leave") == [SIX]
    assert workshop.is_consistent()


@pytest.mark.parametrize("place", ["upsert", "reindexed"])
def test_a_worker_may_be_killed_while_it_fills_a_generation(workshop: Workshop, place: str) -> None:
    workshop.add(SIX, SEVEN)
    workshop.work()
    second = workshop.build()
    hooks = {"index" if place == "upsert" else "serving": {place: raising(Killed())}}

    workshop.die(workshop.with_hooks(**hooks))

    with pytest.raises(GenerationNotReady):
        workshop.generations.switch(second, "admin")
    workshop.work()
    workshop.generations.switch(second, "admin")
    assert workshop.is_consistent()


def test_a_document_replaced_while_it_is_filled_in_is_filled_in_anew(workshop: Workshop) -> None:
    document = workshop.add(SIX, source_id="hr/leave")
    workshop.work()
    second = workshop.build()

    def meanwhile() -> None:
        workshop.time_passes()
        workshop.add(SEVEN, EIGHT, source_id="hr/leave")
        workshop.work()

    workshop.with_hooks(index={"upsert": once(meanwhile)}).work_once()
    workshop.work()

    assert workshop.is_consistent()
    workshop.generations.switch(second, "admin")
    assert workshop.document(document).serving == 2
    assert sorted(workshop.found("leave rest notice")) == [EIGHT, SEVEN]


def test_a_passage_that_only_the_new_model_refuses_is_told_and_the_old_one_goes_on(workshop: Workshop) -> None:
    workshop.add(SIX)
    workshop.work()
    second = workshop.build()

    workshop.work(workshop.with_hooks(index={"upsert": raising(PassageTooLong("too long"))}))

    assert [one.failed for one in workshop.generations.progress()] == [0, 1]
    with pytest.raises(GenerationNotReady, match="lacks the vectors of 1 documents"):
        workshop.generations.switch(second, "admin")
    assert workshop.found("leave") == [SIX]


def test_a_dropped_generation_is_not_made_again_by_a_late_worker(workshop: Workshop) -> None:
    workshop.add(SIX)
    workshop.work()
    second = workshop.build()
    index = workshop.indexes.all()[1].index

    def drop() -> None:
        workshop.generations.drop(second, "admin")
        index.drop()

    workshop.with_hooks(index={"upsert": once(drop)}).work_once()

    assert not workshop.has_partitions(index.name)
    workshop.work()
    assert not workshop.has_partitions(index.name)
    assert workshop.is_consistent()


def test_a_generation_that_is_left_and_dropped_while_a_document_comes_in_is_not_made_again(workshop: Workshop) -> None:
    second = workshop.build()
    first = workshop.indexes.serving().index
    workshop.add(SIX)

    def leave() -> None:
        workshop.generations.switch(second, "admin")
        workshop.generations.drop(1, "admin")
        first.drop()

    workshop.with_hooks(index={"upsert": once(leave)}).work_once()
    workshop.work()

    assert not workshop.has_partitions(first.name)
    assert workshop.found("leave") == [SIX]
