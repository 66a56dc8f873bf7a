"""The ledger's pure rules: moves, retry delays, ids, and a hint that fails."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from jobs.services.accept import new_job_id
from jobs.services.claims import retry_delay
from jobs.states import FINAL, LIVE, MOVES, NOT_STARTED, State
from jobs.wire import SILENCE, Hints, redis_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings


def test_every_state_has_its_moves_and_a_final_one_has_none() -> None:
    assert set(MOVES) == set(State)
    assert {state for state in State if not MOVES[state]} == FINAL


def test_every_live_state_can_be_cancelled_and_can_expire() -> None:
    for state in LIVE:
        assert {State.CANCELLED, State.EXPIRED} <= MOVES[state]


def test_success_comes_from_running_alone() -> None:
    assert [state for state in State if State.SUCCEEDED in MOVES[state]] == [State.RUNNING]
    assert {State.RUNNING} == LIVE - NOT_STARTED


def test_every_state_can_be_reached_from_the_first_two() -> None:
    reached = {State.WAITING, State.QUEUED}
    for _ in State:
        reached |= {after for before in reached for after in MOVES[before]}
    assert reached == set(State)


@pytest.mark.parametrize(("failures", "ceiling"), [(0, 2), (1, 4), (3, 16), (5, 64), (6, 120)])
def test_a_retry_comes_anywhere_below_a_ceiling_that_doubles(
    settings: Settings, failures: int, ceiling: float
) -> None:
    settings.RETRY_BASE, settings.RETRY_CAP = timedelta(seconds=2), timedelta(seconds=120)
    delays = [retry_delay(failures).total_seconds() for _ in range(400)]
    assert all(0 <= delay <= ceiling for delay in delays)
    assert min(delays) < ceiling * 0.1
    assert max(delays) > ceiling * 0.9


def test_a_retry_after_very_many_failures_still_has_a_ceiling() -> None:
    assert retry_delay(30) <= settings.RETRY_CAP


def test_ids_of_later_jobs_are_greater() -> None:
    ids = []
    for _ in range(20):
        ids.append(new_job_id())
        time.sleep(0.002)
    assert ids == sorted(ids)
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}


def test_ids_of_one_moment_differ_and_tell_the_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = {new_job_id() for _ in range(10_000)}
    after = time.time_ns() // 1_000_000
    assert len(ids) == 10_000
    assert all(before <= one.int >> 80 <= after for one in ids)


@pytest.fixture
def no_broker(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """A broker nobody listens for."""
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock?db=0"
    redis_client.cache_clear()
    yield
    redis_client.cache_clear()


def test_a_hint_that_fails_is_no_error_and_silences_the_next(no_broker: None) -> None:
    hints = Hints()
    hints.publish("voicemill:ready", "cpu")
    assert time.monotonic() < hints._silent_until <= time.monotonic() + SILENCE
    silent_until = hints._silent_until
    hints.publish("voicemill:ready", "cpu")
    assert hints._silent_until == silent_until  # it did not try again
    hints._silent_until = 0.0
    hints.publish("voicemill:ready", "cpu")
    assert hints._silent_until > silent_until
