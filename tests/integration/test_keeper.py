"""The keeper and the answering of bells: leases extended, cancels heard, losses noticed."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, connection, connections

from jobs.answering import _settle, answer_bell, check_stop
from jobs.keeper import Held, Keeper, Stop
from jobs.models import Worker
from jobs.patience import InterruptedJobError, LeaseOverError, patiently
from jobs.presence import Presence
from jobs.services.endings import cancel_job
from jobs.services.housekeeping import reap_lost_leases
from jobs.services.workers import Announcement, drain_worker, resume_worker
from jobs.states import State
from tests.ledger import (
    PASSING,
    PERMANENT,
    a_worker,
    ago,
    change,
    events,
    eventually,
    finish,
    look,
    lose,
    states,
    submit,
    take,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import Settings

    from jobs.services.claims import ClaimedJob
    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)
LEASE, LOOKS = 3.0, 2.0  # seconds of a lease, and within which a keeper hears


@pytest.fixture(scope="module")
def keeper() -> Keeper:
    return Keeper("w1")


@pytest.fixture
def ledger_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Cuts every other thread's connection; new ones fail until the test is over."""

    def cut() -> None:
        monkeypatch.setitem(connections.settings["default"], "PORT", "1")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    yield cut
    monkeypatch.undo()


def stopped(held: Held, seconds: float) -> Stop | None:
    """Why work on it should end, once the keeper says so."""
    return eventually(lambda: held.stop, seconds)


def test_a_lease_is_extended_for_as_long_as_the_work_takes(keeper: Keeper, tenant: Tenant) -> None:
    job_id = submit(tenant)
    with keeper.holding(take(job_id)) as held:
        until = time.monotonic() + LEASE * 1.5
        while time.monotonic() < until:
            assert reap_lost_leases() == 0
            assert held.stop is None
            time.sleep(0.1)
        assert not held.lost
        assert finish(held.job)


def test_a_job_put_down_is_extended_no_more(keeper: Keeper, tenant: Tenant) -> None:
    job_id = submit(tenant)
    with keeper.holding(take(job_id)):
        pass
    eventually(reap_lost_leases, LEASE + LOOKS)
    assert states(job_id) == ["queued"]


def test_a_cancel_is_heard_within_two_seconds(keeper: Keeper, tenant: Tenant) -> None:
    job_id = submit(tenant)
    with keeper.holding(take(job_id)) as held:
        cancel_job(tenant_id=tenant.id, job_id=job_id)
        assert stopped(held, LOOKS) is Stop.CANCELLED


def test_a_deadline_is_heard_of(keeper: Keeper, tenant: Tenant) -> None:
    job_id = submit(tenant)
    with keeper.holding(take(job_id)) as held:
        change(job_id, deadline=ago(seconds=1))
        assert stopped(held, LOOKS) is Stop.EXPIRED


def test_a_drain_is_heard_of_when_its_patience_is_over(keeper: Keeper, tenant: Tenant) -> None:
    a_worker(name="w1")
    with keeper.holding(take(submit(tenant))) as held:
        assert drain_worker(name="w1")
        asked_at = time.monotonic()
        assert stopped(held, 1 + LOOKS) is Stop.DRAINED
        assert time.monotonic() - asked_at >= 1
    assert resume_worker(name="w1")
    with keeper.holding(take(submit(tenant))) as held:
        time.sleep(LOOKS)
        assert held.stop is None


def test_a_drain_that_is_taken_back_is_forgotten(keeper: Keeper, tenant: Tenant) -> None:
    a_worker(name="w1")
    with keeper.holding(take(submit(tenant))) as held:
        assert drain_worker(name="w1")
        assert stopped(held, 1 + LOOKS) is Stop.DRAINED
        assert resume_worker(name="w1")
        eventually(lambda: held.stop is None, LOOKS)


def test_work_that_stopped_for_a_drain_taken_back_is_handed_back(tenant: Tenant) -> None:
    job = take(submit(tenant))
    _settle(job, None)
    assert (look(job.id).state, look(job.id).lost_leases) == (State.QUEUED, 0)


def test_a_job_the_ledger_took_back_is_lost(keeper: Keeper, tenant: Tenant) -> None:
    job_id = submit(tenant)
    with keeper.holding(take(job_id)) as held:
        lose(job_id)
        assert stopped(held, LEASE / 3 + LOOKS) is Stop.LOST
        assert held.lost


def test_a_job_held_twice_is_kept_for_the_one_who_has_it(keeper: Keeper, tenant: Tenant) -> None:
    job_id = submit(tenant)
    with keeper.holding(take(job_id)) as old:
        lose(job_id)
        new = take(job_id)
        holding = keeper.holding(new)
        held = holding.__enter__()
        assert stopped(old, LEASE / 3 + LOOKS) is Stop.LOST
    time.sleep(LEASE)
    assert reap_lost_leases() == 0
    assert held.stop is None
    assert finish(new)
    holding.__exit__(None, None, None)


def test_without_its_ledger_a_job_is_lost_when_the_lease_is_over(
    keeper: Keeper, tenant: Tenant, ledger_away: Callable[[], None]
) -> None:
    with keeper.holding(take(submit(tenant))) as held:
        ledger_away()
        time.sleep(LEASE / 2)
        assert held.stop is None
        assert stopped(held, LEASE + LOOKS) is Stop.LOST


def test_a_keeper_goes_on_when_its_ledger_is_back(
    keeper: Keeper,
    tenant: Tenant,
    ledger_away: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job_id = submit(tenant)
    with keeper.holding(take(job_id)) as held:
        ledger_away()
        time.sleep(1.2)
        monkeypatch.undo()
        time.sleep(LEASE)
        assert (held.stop, held.lost, reap_lost_leases()) == (None, False, 0)
        cancel_job(tenant_id=tenant.id, job_id=job_id)
        assert stopped(held, LOOKS) is Stop.CANCELLED


def test_a_drain_outlasts_an_outage(
    ledger_away: Callable[[], None], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.WORKER_ALIVE = timedelta(seconds=0.6)  # so it beats each 0.2 s
    presence = Presence()
    presence.name = "w9"
    worker = Announcement(name="w9", queue="cpu", slots=1, pid=1)
    beating = threading.Thread(target=presence._stay, args=(worker, lambda: None))
    beating.start()
    rows = Worker.objects.filter(name="w9")
    eventually(rows.exists)
    assert drain_worker(name="w9")
    ledger_away()
    time.sleep(0.5)
    monkeypatch.undo()
    eventually(rows.filter(heartbeat_at__gt=datetime.now(UTC)).exists)
    assert rows.get().drain_asked_at is not None
    presence.leave()
    beating.join(5)
    assert not rows.exists()


def held_for(job: ClaimedJob, seconds: float) -> Held:
    return Held(job, time.monotonic() + seconds)


def test_patience_lasts_until_the_ledger_is_back(tenant: Tenant) -> None:
    job = take(submit(tenant))
    tries = []

    def third_time_lucky() -> str:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise OperationalError("away")
        return "done"

    assert patiently(held_for(job, 5), third_time_lucky) == "done"


def test_patience_ends_with_the_lease(tenant: Tenant) -> None:
    held = held_for(take(submit(tenant)), 0.6)

    def never() -> None:
        raise OperationalError("away")

    with pytest.raises(LeaseOverError):
        patiently(held, never)
    assert 0 <= time.monotonic() - held.lease_ends < 1


def test_what_nobody_said_may_pass_is_not_waited_for(tenant: Tenant) -> None:
    def fail() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        patiently(held_for(take(submit(tenant)), 60), fail)


class EngineError(Exception):
    """An error that says itself what it is, as those of engines do."""

    def __init__(self, *, permanent: bool, code: str) -> None:
        super().__init__("said by the engine")
        self.permanent, self.code = permanent, code


def test_a_bell_is_answered_by_doing_the_job(tenant: Tenant) -> None:
    job_id = submit(tenant)
    done = []
    answer_bell(str(job_id), lambda job, _: done.append(finish(job)))
    assert done == [True]
    assert states(job_id) == ["succeeded"]


def test_a_bell_for_a_job_that_is_taken_is_no_news(tenant: Tenant) -> None:
    job_id = submit(tenant)
    take(job_id)
    answer_bell(str(job_id), lambda *_: pytest.fail("done by two"))
    assert (states(job_id), look(job_id).fence) == (["running"], 1)


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (EngineError(permanent=True, code=PERMANENT.code), "failed", "unsupported"),
        (EngineError(permanent=False, code=PASSING.code), "waiting", "engine_busy"),
        (ZeroDivisionError("a bug"), "waiting", "internal_error"),
    ],
)
def test_work_that_fails_is_told_to_the_ledger(
    tenant: Tenant, error: Exception, state: str, code: str
) -> None:
    job_id = submit(tenant)

    def work(job: ClaimedJob, held: Held) -> None:
        raise error

    answer_bell(str(job_id), work)
    row = look(job_id)
    assert row.state == state
    assert code in {row.error_code, *(note["code"] for note in row.trail)}
    assert "a bug" not in str(row.trail)  # what went wrong inside is for the log


@pytest.mark.parametrize(
    ("stop", "state"),
    [
        (Stop.CANCELLED, "cancelled"),
        (Stop.EXPIRED, "expired"),
        (Stop.DRAINED, "queued"),
        (Stop.LOST, "running"),
    ],
)
def test_work_that_is_stopped_ends_as_it_was_asked_to(
    tenant: Tenant, stop: Stop, state: str
) -> None:
    job_id = submit(tenant)

    def work(job: ClaimedJob, held: Held) -> None:
        held.stop = stop
        check_stop(held)
        finish(job)

    answer_bell(str(job_id), work)
    assert states(job_id) == [state]
    assert len(events(job_id)) == (1 if state in {"cancelled", "expired"} else 0)


def test_work_goes_on_while_nobody_stops_it(tenant: Tenant) -> None:
    held = held_for(take(submit(tenant)), 5)
    check_stop(held)
    held.stop = Stop.CANCELLED
    with pytest.raises(InterruptedJobError):
        check_stop(held)
