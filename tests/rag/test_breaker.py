"""When an engine is tried, and when it is left alone."""

import pytest

from rag.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def test_three_failures_in_a_row_open_it_and_a_success_between_them_does_not(breaker: Breaker) -> None:
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    assert breaker.allows()

    breaker.failed()

    assert not breaker.allows()


def test_one_failed_connection_opens_it(breaker: Breaker) -> None:
    breaker.failed(unreachable=True)

    assert not breaker.allows()


def test_after_the_pause_one_trial_is_let_through_at_a_time(breaker: Breaker, clock: Clock) -> None:
    breaker.failed(unreachable=True)
    clock.s += 1

    assert breaker.allows()
    breaker.began()
    assert not breaker.allows()
    breaker.ended()
    assert breaker.allows()


def test_the_first_token_of_a_trial_closes_it(breaker: Breaker, clock: Clock) -> None:
    breaker.failed(unreachable=True)
    clock.s += 1
    breaker.began()

    breaker.wrote()

    assert breaker.allows()
    assert breaker.is_closed


def test_pauses_grow_with_each_failed_trial_up_to_half_a_minute(breaker: Breaker, clock: Clock) -> None:
    pauses = []
    for _ in range(7):
        breaker.failed(unreachable=True)
        began = clock.s
        while not breaker.allows():
            clock.s += 1
        pauses.append(clock.s - began)

    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_failures_of_others_during_a_pause_do_not_make_it_longer(breaker: Breaker, clock: Clock) -> None:
    for _ in range(20):
        breaker.failed(unreachable=True)
    clock.s += 1

    assert breaker.allows()


def test_an_engine_that_takes_connections_again_is_tried_at_once(breaker: Breaker) -> None:
    breaker.failed(unreachable=True)

    breaker.reached()

    assert breaker.allows()
    assert not breaker.is_closed


def test_taking_connections_does_not_end_the_pause_of_an_engine_that_fails_otherwise(breaker: Breaker) -> None:
    for _ in range(3):
        breaker.failed()

    breaker.reached()

    assert not breaker.allows()
