"""From a trace to microseconds a task."""

import cProfile
import time

import pytest

from benchmarks.profile.functions import calls_of, costs

ROUNDS = 20_000


def small():
    return len(())


def calls_many():
    for _ in range(10):
        small()


def computes():
    total = 0
    for number in range(400):
        total += number
    return total


def work():
    for _ in range(ROUNDS // 10):
        calls_many()
        computes()


def timed():
    began = time.thread_time()
    work()
    return time.thread_time() - began


@pytest.fixture(scope="module")
def traced():
    plain = min(timed() for _ in range(5))
    profiler = cProfile.Profile(time.thread_time_ns, 1e-9)
    began = time.thread_time()
    profiler.runcall(work)
    took = time.thread_time() - began
    found, price = costs(profiler, plain=plain, traced=took, count=ROUNDS // 10)
    return profiler, plain, {cost.name: cost for cost in found}, price


def test_all_parts_together_are_what_it_takes_untraced(traced):
    _, plain, found, _ = traced
    whole = sum(cost.microseconds for cost in found.values())
    assert whole == pytest.approx(plain / (ROUNDS // 10) * 1e6, rel=0.01)


def test_what_the_tracer_costs_is_not_on_the_account_of_who_calls_small_functions(traced):
    *_, found, price = traced
    assert price > 0
    assert found["computes"].microseconds > found["calls_many"].microseconds


def test_calls_are_counted_a_task_those_of_c_too(traced):
    profiler, _, found, _ = traced
    assert found["calls_many"].calls == 1
    assert found["small"].calls == 10
    assert found["len"].calls == 10
    assert calls_of(profiler) >= ROUNDS * 2


def test_a_function_of_c_is_in_the_room_of_who_calls_it(traced):
    *_, found, _ = traced
    assert found["len"].room == found["small"].room == "the user's task"
