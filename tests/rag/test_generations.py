"""Generations: one serves, another is filled beside it, one switch and one back; ids are never given again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine

from rag.errors import GenerationNotReady, InvalidRequest
from rag.generations import Generations, Progress, State
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.types import Document
from rag.work import Kind
from tests.rag.conftest import ADMIN, BROKEN, LEASE_S, finish, generation, take, upload


def served(registry: Registry, leases: Leases, serving: Serving, content: str = "rules") -> Document:
    document, _ = registry.add(upload(content), ADMIN)
    finish(leases, serving, document, content)
    return document


def fill(leases: Leases, serving: Serving) -> int:
    """Do all the work there is; return how much it was."""
    done = 0
    while claim := leases.claim(f"worker {done}", LEASE_S):
        assert claim.work.kind == Kind.REINDEX
        assert serving.reindexed(claim.work)
        done += 1
    return done


def states(generations: Generations) -> list[tuple[int, str, str]]:
    return [(one.id, one.model, one.state) for one in generations.all()]


def counts(progress: Progress) -> tuple[int, int, int]:
    return progress.done, progress.total, progress.failed


def test_before_the_first_start_nothing_serves(engine: Engine) -> None:
    assert Generations(engine).serving() is None


def test_the_first_start_makes_one_generation_and_later_ones_find_it(engine: Engine) -> None:
    generations = Generations(engine)

    first = generations.first(generation("a/First Model", 384))
    again = generations.first(generation("other", 7))

    assert (first.id, first.model, first.dimension, first.state) == (1, "a/First Model", 384, State.SERVING)
    assert first.index_name == "chunks-first-model-384"
    assert again == first


def test_processes_that_start_at_the_same_time_agree_on_the_first(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: Generations(engine).first(generation(f"model {n}")), range(8)))

    assert len({(one.id, one.model) for one in made}) == 1


def test_a_new_generation_is_filled_with_every_served_document_while_the_first_serves(
    registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    documents = [served(registry, leases, serving, f"rules {n}") for n in range(3)]
    queued, _ = registry.add(upload("queued"), ADMIN)
    deleted = served(registry, leases, serving, "deleted")
    registry.delete(deleted.id, ADMIN)
    leases.done(take(leases, deleted, Kind.CLEAN).work)

    second = generations.build(generation("second", 3), "admin")
    leases.fail(take(leases, queued).work, BROKEN)
    works = [take(leases, document, Kind.REINDEX).work for document in documents]

    assert states(generations) == [(1, "first", State.SERVING), (second.id, "second", State.BUILDING)]
    assert {(work.version, work.generation) for work in works} == {(1, second.id)}
    assert leases.claim("worker", LEASE_S) is None


def test_the_switch_waits_until_the_new_generation_holds_everything(
    registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    for n in range(2):
        served(registry, leases, serving, f"rules {n}")
    second = generations.build(generation("second"), "admin").id

    with pytest.raises(GenerationNotReady, match="lacks the vectors of 2 documents"):
        generations.switch(second, "admin")
    fill(leases, serving)
    generations.switch(second, "admin")

    assert [state for _, _, state in states(generations)] == [State.STANDBY, State.SERVING]
    found = generations.serving()
    assert found is not None
    assert found.id == second


def test_a_document_that_is_served_while_it_is_filled_is_filled_in_too(
    registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    second = generations.build(generation("second"), "admin").id
    served(registry, leases, serving)

    with pytest.raises(GenerationNotReady):
        generations.switch(second, "admin")

    assert fill(leases, serving) == 1
    generations.switch(second, "admin")


def test_one_command_goes_back_and_forth(
    registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    served(registry, leases, serving)
    for model in ("second", "third"):
        number = generations.build(generation(model), "admin").id
        fill(leases, serving)
        generations.switch(number, "admin")

    went = []
    for _ in range(3):
        generations.switch(generations.previous().id, "admin")
        went += [one.model for one in generations.all() if one.state == State.SERVING]

    assert went == ["second", "third", "second"]


def test_without_another_generation_there_is_no_way_back(generations: Generations) -> None:
    with pytest.raises(InvalidRequest, match="No generation stands by"):
        generations.previous()


def test_switching_to_the_one_that_serves_changes_nothing(generations: Generations) -> None:
    assert generations.switch(1, "admin").state == State.SERVING

    assert states(generations) == [(1, "first", State.SERVING)]


def test_progress_tells_what_waits_from_what_cannot_be_embedded(
    registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    documents = [served(registry, leases, serving, f"rules {n}") for n in range(3)]
    generations.build(generation("second"), "admin")
    serving.reindexed(take(leases, documents[0], Kind.REINDEX).work)
    leases.fail(take(leases, documents[1], Kind.REINDEX).work, BROKEN)

    first, second = generations.progress()

    assert (counts(first), counts(second)) == ((3, 3, 0), (1, 3, 1))


def test_only_one_generation_is_built_at_a_time(generations: Generations) -> None:
    generations.build(generation("second"), "admin")

    with pytest.raises(InvalidRequest, match="Another generation is being built"):
        generations.build(generation("third"), "admin")


def test_a_dropped_generation_is_gone_and_its_id_and_name_are_never_given_again(
    registry: Registry, leases: Leases, serving: Serving, generations: Generations
) -> None:
    """Workers keep what they opened by its id: another model's vectors would go where they do not fit."""
    document = served(registry, leases, serving)
    dropped = generations.build(generation("second"), "admin")
    work = take(leases, document, Kind.REINDEX).work
    generations.drop(dropped.id, "admin")

    built = generations.build(generation("second"), "admin")

    assert built.id > dropped.id
    assert built.index_name != dropped.index_name
    assert [one.id for one in generations.all()] == [1, built.id]
    assert not serving.reindexed(work)
    assert fill(leases, serving) == 1


@pytest.mark.parametrize(
    "refused",
    [
        lambda generations, dropped: generations.switch(dropped, ""),
        lambda generations, dropped: generations.drop(dropped, ""),
        lambda generations, _: generations.switch(99, ""),
        lambda generations, _: generations.drop(99, ""),
        lambda generations, _: generations.drop(1, ""),
    ],
    ids=["switch to a dropped one", "drop it again", "switch to none", "drop none", "drop the one that serves"],
)
def test_what_is_not_there_or_serves_is_refused(
    generations: Generations, refused: Callable[[Generations, int], Any]
) -> None:
    dropped = generations.build(generation("second"), "admin").id
    generations.drop(dropped, "admin")

    with pytest.raises(InvalidRequest):
        refused(generations, dropped)

    assert states(generations) == [(1, "first", State.SERVING)]
