"""Failed logins have to wait, longer each time."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from catenary.review.attempts import Attempts
from tests.store.queues import NOON

MINUTE = timedelta(minutes=1)


def failed(times: int) -> Attempts:
    attempts = Attempts(3, MINUTE)
    for _ in range(times):
        attempts.failed("wang", NOON)
    return attempts


def test_some_failures_are_free():
    assert failed(2).wait("wang", NOON) == timedelta(0)
    assert failed(3).wait("wang", NOON) == MINUTE


def test_each_failure_more_doubles_the_wait_up_to_an_hour():
    waits = [failed(times).wait("wang", NOON) for times in range(3, 20)]
    assert waits[:4] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert waits[-1] == timedelta(hours=1)


def test_nobody_else_has_to_wait():
    assert failed(9).wait("li", NOON) == timedelta(0)


def test_old_failures_are_forgotten():
    attempts = failed(5)
    attempts.failed("wang", NOON + timedelta(hours=2))
    assert attempts.wait("wang", NOON + timedelta(hours=2)) == timedelta(0)


def test_a_success_forgets():
    attempts = failed(5)
    attempts.succeeded("wang")
    assert attempts.wait("wang", NOON) == timedelta(0)


@given(st.integers(0, 200))
def test_waiting_long_enough_is_always_enough(times: int):
    attempts = failed(times)
    wait = attempts.wait("wang", NOON)
    assert attempts.wait("wang", NOON + wait) == timedelta(0)
