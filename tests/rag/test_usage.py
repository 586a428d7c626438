"""Daily sums: nothing lost, nobody told apart who should not be, and no answer that fails for them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from rag.draft import Draft, Question
from rag.keys import Keys
from rag.tables import Base
from rag.trace import Ended
from rag.types import Principal, Scope, Usage
from rag.usage import MOST_CALLERS, DailyUsage, Sums
from tests.rag.conftest import ADMIN


@pytest.fixture
def usage(engine: Engine) -> DailyUsage:
    return DailyUsage(engine)


def draft(principal: Principal = ADMIN, cost: float | None = None) -> Draft:
    asked = Draft(question=Question(text="How long is leave?", principal=principal, top_k=1))
    asked.generator, asked.usage, asked.cost = "llama", Usage(prompt_tokens=10, completion_tokens=3), cost
    return asked


def test_answers_counted_at_once_are_all_there(usage: DailyUsage) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: usage.count(draft(cost=0.5), Ended.DONE), range(40)))

    report = usage.report(2)
    expected = Sums(questions=40, abstained=40, prompt_tokens=400, completion_tokens=120, cost=20.0)
    assert list(report.days.values()) == [Sums(), expected]
    assert report.generators == {"llama": expected}


def test_how_an_answer_ended_is_told_apart(usage: DailyUsage) -> None:
    for ended in (Ended.DONE, Ended.ERROR, Ended.LEFT):
        usage.count(draft(), ended)

    total = sum(usage.report(1).days.values(), Sums())
    assert (total.questions, total.abstained, total.failed, total.cost) == (3, 1, 1, None)


def test_a_price_that_is_known_sometimes_is_summed_over_these(usage: DailyUsage) -> None:
    for cost in (None, 0.25, None, 0.5):
        usage.count(draft(cost=cost), Ended.DONE)

    assert usage.report(1).callers["admin"].cost == 0.75


def test_visitors_of_a_site_are_summed_under_it(usage: DailyUsage) -> None:
    for visitor in ("a1", "b2"):
        usage.count(draft(Principal(name=f"site_1/{visitor}", scopes=frozenset({Scope.VISIT}))), Ended.DONE)

    assert [(name, sums.questions) for name, sums in usage.report(1).callers.items()] == [("site_1", 2)]


def test_callers_have_their_keys_names_and_the_many_small_ones_are_others(engine: Engine, usage: DailyUsage) -> None:
    _, key = Keys(engine).make("Intranet", [Scope.ASK])
    usage.add(key.id, "llama", Sums(questions=5))
    for n in range(MOST_CALLERS + 1):
        usage.add(f"key_{n}", "llama", Sums(questions=1))

    report = usage.report(1)
    assert report.labels[key.id] == "Intranet"
    assert next(iter(report.callers)) == key.id
    assert (len(report.callers), report.callers["others"].questions) == (MOST_CALLERS + 1, 2)


def test_without_a_registry_an_answer_goes_on(engine: Engine, usage: DailyUsage) -> None:
    Base.metadata.tables["usage"].drop(engine)

    usage.count(draft(), Ended.DONE)
