"""Real workers that are drained and resumed, and a queue that is paused: none lost."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from jobs.models import Job, Queue, Worker
from jobs.services.steering import pause_queue, resume_queue
from jobs.services.workers import drain_worker, resume_worker
from jobs.states import State
from jobs.wire import redis_client
from tests.integration.test_worker_process import (
    CpuWorker,
    assert_done_once,
    ends,
    runs_at,
    say,
    start,
)
from tests.ledger import eventually, look

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tenants.models import Tenant

    Start = Callable[..., CpuWorker]

__all__ = ["start"]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def running_at(worker: CpuWorker) -> int:
    return Job.objects.filter(state=State.RUNNING, worker=worker.name).count()


def by_whom(job_ids: list[UUID]) -> set[str]:
    return {look(job_id).worker for job_id in job_ids}


def listeners() -> int:
    """Workers that wait for a bell in the broker."""
    clients = redis_client().client_list()
    return sum("b" in client["flags"] for client in clients)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_drained_worker_takes_nothing_until_it_is_resumed(
    start: Start, tenant: Tenant, pool: str
) -> None:
    drained, other = start("drained", pool), start("other", pool)
    first = [say(tenant, "nap 0.6") for _ in range(4)]
    eventually(lambda: running_at(drained), 15)  # and has heard another bell by now
    assert drain_worker(name=drained.name)
    running = set(
        Job.objects.filter(state="running", worker=drained.name).values_list("id", flat=True)
    )
    later = [say(tenant, "nap 0.1") for _ in range(6)]
    for job_id in first + later:
        ends(job_id)
        assert_done_once(job_id)
    assert by_whom([job_id for job_id in first + later if job_id not in running]) == {other.name}
    assert drained.row is not None
    assert resume_worker(name=drained.name)
    again = [say(tenant, "nap 1.5") for _ in range(2)]
    eventually(lambda: running_at(drained), 15)
    for job_id in again:
        ends(job_id)
        assert_done_once(job_id)


def test_a_drained_worker_stays_so_when_its_broker_and_dispatcher_come_back(
    start: Start, tenant: Tenant
) -> None:
    drained = start("drained")
    assert drain_worker(name=drained.name)
    eventually(lambda: listeners() == 0, 5)
    redis_client().client_kill_filter(_type="normal", skipme=True)
    redis_client().client_kill_filter(_type="pubsub", skipme=True)
    job_id = say(tenant, "nap 0.1")
    other = start("other")
    ends(job_id)
    assert look(job_id).worker == other.name
    eventually(lambda: listeners() == 1, 5)
    assert resume_worker(name=drained.name)
    eventually(lambda: listeners() == 2, 5)


def test_what_a_drained_worker_cannot_end_in_time_goes_to_another(
    start: Start, tenant: Tenant
) -> None:
    drained = start("drained")
    job_id = say(tenant, "nap 20")
    runs_at(job_id, drained)
    other = start("other")
    assert drain_worker(name=drained.name)
    row = runs_at(job_id, other)
    assert (row.lost_leases, [note["code"] for note in row.trail]) == (0, ["drained"])


def test_a_worker_that_is_resumed_in_time_keeps_its_job(
    start: Start, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAIN_SECONDS", "30")
    worker = start("steady")
    job_id = say(tenant, "nap 4")
    runs_at(job_id, worker)
    assert drain_worker(name=worker.name)
    eventually(lambda: listeners() == 0, 5)
    assert resume_worker(name=worker.name)
    ends(job_id)
    assert_done_once(job_id)
    assert (look(job_id).attempt, look(job_id).trail) == (1, [])


def test_whoever_resumes_a_worker_that_is_going_away_changes_nothing(
    start: Start, tenant: Tenant
) -> None:
    worker = start("leaving")
    job_id = say(tenant, "nap 8")
    runs_at(job_id, worker)
    worker.send(signal.SIGTERM)
    drains = Worker.objects.filter(name=worker.name, drain_asked_at__isnull=False)
    eventually(drains.exists, 5)
    assert resume_worker(name=worker.name)
    eventually(drains.exists, 5)
    heir = start("heir")
    assert runs_at(job_id, heir).lost_leases == 0


def test_on_a_paused_queue_nothing_begins_and_what_runs_is_finished(
    start: Start, tenant: Tenant
) -> None:
    worker = start("paused", slots=2)
    jobs = [say(tenant, "nap 1") for _ in range(8)]
    eventually(lambda: running_at(worker) == 2, 15)
    assert pause_queue(name="cpu")
    paused_at = time.monotonic()
    begun = set(Job.objects.filter(attempt__gt=0).values_list("id", flat=True))
    for job_id in begun:
        assert ends(job_id).state == State.SUCCEEDED
    rest = Job.objects.exclude(id__in=begun)
    eventually(lambda: not rest.exclude(state=State.QUEUED).exists(), 5)
    assert rest.count() == len(jobs) - len(begun) > 0
    time.sleep(max(0.0, paused_at + 4 - time.monotonic()))  # longer than a bell is left unheard
    assert {(job.state, job.attempt) for job in rest} == {(State.QUEUED, 0)}
    assert not pause_queue(name="cpu")
    assert resume_queue(name="cpu")
    for job_id in jobs:
        ends(job_id)
        assert_done_once(job_id)
    assert not Queue.objects.get(name="cpu").paused
