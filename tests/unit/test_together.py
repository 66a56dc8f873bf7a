"""Calls made as one: gathered while another runs, told apart again, and alone in a transaction."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import DataError, OperationalError

from jobs.together import Together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MANY = 8


class Slow:
    """Doubles numbers; the first call runs until it is let go, so that the others gather."""

    def __init__(self, check: Callable[[Sequence[int]], None] = lambda _: None) -> None:
        self.batches: list[list[int]] = []
        self.check = check
        self.started, self.let_go = threading.Event(), threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        if len(self.batches) == 1:
            self.started.set()
            assert self.let_go.wait(10)
        else:
            self.check(numbers)
        return [2 * number for number in numbers]


def call_behind(
    slow: Slow, numbers: Sequence[int], together: Together[int, int] | None = None
) -> list[Future[int | None]]:
    """One call that holds the others up, and those; what became of those."""
    together = together or Together(slow)
    with ThreadPoolExecutor(MANY + 1) as threads:
        threads.submit(together, 0)
        assert slow.started.wait(10)
        asked = [threads.submit(together, number) for number in numbers]
        while len(together._gathered) < len(numbers):
            pass
        slow.let_go.set()
    return asked


def test_what_gathers_while_a_call_runs_is_done_at_once() -> None:
    slow = Slow()
    answers = call_behind(slow, range(1, MANY + 1))
    assert [answer.result() for answer in answers] == [2 * n for n in range(1, MANY + 1)]
    assert slow.batches[0] == [0]
    assert sorted(slow.batches[1]) == list(range(1, MANY + 1))
    assert len(slow.batches) == 2


def test_what_one_call_brings_about_reaches_no_other() -> None:
    def refuse_three(numbers: Sequence[int]) -> None:
        if 3 in numbers:
            raise DataError("three")

    answers = call_behind(Slow(refuse_three), [1, 2, 3, 4])
    assert [answers[index].result() for index in (0, 1, 3)] == [2, 4, 8]
    with pytest.raises(DataError, match="three"):
        answers[2].result()


def test_a_ledger_that_is_away_is_away_for_all_and_asked_once() -> None:
    def be_away(_: Sequence[int]) -> None:
        raise OperationalError("away")

    slow = Slow(be_away)
    for answer in call_behind(slow, [1, 2, 3]):
        with pytest.raises(OperationalError, match="away"):
            answer.result()
    assert len(slow.batches) == 2


@pytest.mark.django_db
def test_inside_a_transaction_a_call_stands_alone() -> None:
    slow = Slow()
    slow.batches.append([])  # nothing holds it up
    together = Together(slow)
    together._running = True  # somebody is at work, and would never be done
    assert together(21) == 42


def test_calls_that_come_several_at_a_time_wait_for_more() -> None:
    slow = Slow()
    together = Together(slow, linger=0.3)
    call_behind(slow, [1, 2, 3], together)
    with ThreadPoolExecutor(2) as threads:
        early = threads.submit(together, 4)
        time.sleep(0.1)
        assert (together(5), early.result()) == (10, 8)
    assert slow.batches[2:] == [[4, 5]]


def test_a_call_alone_waits_for_nobody() -> None:
    together: Together[int, int] = Together(list, linger=60)
    assert [together(number) for number in (1, 2)] == [1, 2]


def test_the_next_call_goes_on_where_one_failed() -> None:
    def fail_once(numbers: Sequence[int]) -> list[int]:
        if numbers == [1]:
            raise OperationalError("away")
        return list(numbers)

    together = Together(fail_once)
    with pytest.raises(OperationalError):
        together(1)
    assert together(2) == 2
