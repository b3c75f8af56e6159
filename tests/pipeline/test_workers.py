"""Several photographs at once, told in order, and the stage that limits."""

import threading
from collections.abc import Callable

import pytest
import torch

from catenary.pipeline.workers import Tempo, Workers, fitting, in_order

CPU = [torch.device("cpu")]


def nothing() -> None:
    """Give nothing up."""


def each(judged: Callable[[int], int]) -> list[Callable[[list[int]], list[int]]]:
    """Return one judge that takes its items one by one."""
    return [lambda some: [judged(one) for one in some]]


def test_results_come_in_order_whoever_is_ready_first():
    second_is_done = threading.Event()

    def judged(number: int) -> int:
        if number == 0:
            assert second_is_done.wait(30)  # cannot end before the second has
        if number == 1:
            second_is_done.set()
        return 10 * number

    told = list(in_order(range(6), lambda one: one, each(judged), Workers(2, 2), nothing))
    assert told == [0, 10, 20, 30, 40, 50]


def test_a_slow_reader_holds_up_no_judge():
    third_is_judged = threading.Event()

    def opened(number: int) -> int:
        if number == 0:
            assert third_is_judged.wait(30)
        return number

    def judged(number: int) -> int:
        if number == 2:
            third_is_judged.set()
        return number

    assert list(in_order(range(4), opened, each(judged), Workers(2, 1), nothing)) == [0, 1, 2, 3]


def test_only_a_few_are_taken_ahead():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    workers = Workers(2, 2)
    results = in_order(items(), lambda one: one, each(lambda one: one), workers, nothing)
    for done in range(1, 21):
        next(results)
        assert len(taken) <= workers.ahead + done
    results.close()


@pytest.mark.parametrize("stage", ["opened", "judged"])
def test_an_error_is_raised_in_its_place_and_ends_the_threads(stage):
    def fails(number: int) -> int:
        if number == 3:
            raise LookupError("of the fourth")
        return number

    stages = {"opened": lambda one: one, "judged": lambda one: one} | {stage: fails}
    results = in_order(range(50), stages["opened"], each(stages["judged"]), Workers(2, 2), nothing)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError, match="of the fourth"):
        next(results)
    names = [one.name for one in threading.enumerate()]
    assert not [name for name in names if name.startswith(("reader", "judge"))]


def test_a_judge_takes_what_is_open_together_and_waits_for_no_more():
    all_are_open, taken = threading.Event(), []

    def opened(number: int) -> int:
        if number == 8:
            all_are_open.set()
        return number

    def judged(some: list[int]) -> list[int]:
        if not taken:
            taken.append(some)
            assert all_are_open.wait(30)
        else:
            taken.append(some)
        return [10 * one for one in some]

    workers = Workers(1, 1, together=4)
    told = list(in_order(range(9), opened, [judged], workers, nothing))
    assert told == [10 * one for one in range(9)]
    assert max(map(len, taken)) <= 4
    assert [one for some in taken for one in some] == list(range(9))
    assert len(taken) <= 4  # the first ones, then four and four or less


def test_each_judge_has_threads_of_its_own():
    both_work, seen = threading.Barrier(2, timeout=30), []

    def by(name: str) -> Callable[[list[int]], list[int]]:
        def judged(some: list[int]) -> list[int]:
            both_work.wait()
            seen.append((name, threading.current_thread().name))
            return some

        return judged

    told = list(in_order(range(6), lambda one: one, [by("a"), by("b")], Workers(2, 2), nothing))
    assert told == list(range(6))
    assert len(set(seen)) == 2
    assert {name for name, _ in seen} == {"a", "b"}


def test_an_error_of_a_batch_is_raised_for_each_of_it():
    def judged(some: list[int]) -> list[int]:
        raise LookupError(f"of {len(some)}")

    results = in_order(range(5), lambda one: one, [judged], Workers(1, 1, together=3), nothing)
    with pytest.raises(LookupError, match="of"):
        next(results)


def test_the_end_does_not_wait_for_a_reader_that_waits_for_its_source():
    is_over = threading.Event()

    def opened(number: int) -> int:
        if number:
            is_over.wait(30)
        return number

    results = in_order(range(9), opened, each(lambda one: one), Workers(2, 1), is_over.set)
    assert next(results) == 0
    results.close()
    assert is_over.is_set()


def test_workers_fit_the_processor_threads_of_this_process(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    chosen = fitting(CPU)
    assert (chosen.judges, chosen.threads) == (8, 1)
    assert fitting(CPU, judges=2, readers=5) == Workers(5, 2, 4)
    assert fitting(CPU, judges=20).threads == 1
    monkeypatch.setattr(torch, "get_num_threads", lambda: 32)
    chosen = fitting(CPU)
    assert (chosen.judges, chosen.threads) == (8, 4)
    gpus = [torch.device("cuda", 0), torch.device("cuda", 1)]
    chosen = fitting(gpus)
    assert (chosen.judges, chosen.together) == (6, 8)
    assert fitting(gpus, judges=1).judges == 2  # each GPU has one
    assert fitting(CPU).together == 1


def test_rules_get_processes_of_their_own_beside_a_gpu(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    gpu = [torch.device("cuda", 0)]
    assert (fitting(gpu).rules, fitting(gpu, rules=0).rules, fitting(gpu, rules=3).rules) == (
        8,
        0,
        3,
    )
    assert (fitting(CPU).rules, fitting(CPU, rules=2).rules) == (0, 2)


def test_a_scan_without_threads_is_refused():
    with pytest.raises(ValueError, match="a thread at least of each kind"):
        Workers(judges=0)


def test_the_stage_that_limits_is_the_longest_of_the_busiest_threads():
    tempo = Tempo(Workers(readers=2, judges=4))
    assert tempo.limit() == ""
    tempo.add({"read": 0.1, "decode": 0.2, "detect": 1.0, "rules": 0.2})
    assert tempo.limit() == "detect"  # 0.15 s a reader, 0.3 s a judge
    tempo.add({"read": 0.5})
    assert tempo.limit() == "read"  # 0.4 s a reader
    tempo.add({"write": 0.41})
    assert tempo.limit() == "write"


def test_processes_for_rules_limit_by_themselves():
    tempo = Tempo(Workers(readers=2, judges=2, rules=4))
    tempo.add({"decode": 0.3, "detect": 0.5, "rules": 0.9, "classify": 0.1})
    assert tempo.limit() == "detect"  # 0.3 s a judge, 0.225 s a process
    tempo.add({"rules": 0.4})
    assert tempo.limit() == "rules"
    threads = Tempo(Workers(readers=2, judges=2))
    threads.add({"decode": 1.1, "detect": 0.5, "rules": 0.4})
    assert threads.limit() == "decode"  # 0.55 s a reader, 0.45 s a judge


def test_fewer_than_no_processes_are_refused():
    with pytest.raises(ValueError, match="no -1 processes"):
        Workers(rules=-1)
