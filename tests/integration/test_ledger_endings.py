"""How jobs end other than well: cancelled, expired, lost, poisoned. And that an end is an end."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

from jobs.errors import JobNotFoundError, NotRetriableError, TenantCeilingError
from jobs.models import Edge, Event, Job, Lane, Usage
from jobs.selectors import jobs_in_batch
from jobs.services.accept import submit_jobs
from jobs.services.claims import claim_job
from jobs.services.endings import cancel_batch, cancel_job, end_job, retry_job
from jobs.services.filling import ring_suspect
from jobs.services.housekeeping import expire_late_jobs, queue_due_jobs, reap_lost_leases
from jobs.services.progress import report_progress
from jobs.states import FINAL, LIVE, NOT_STARTED, Bond, State
from tests.conftest import make_tenant
from tests.ledger import (
    CPU,
    HOUR,
    NET,
    ago,
    bring_to,
    change,
    charges,
    events,
    finish,
    look,
    lose,
    new_job,
    states,
    submit,
    take,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", sorted(NOT_STARTED))
def test_what_has_not_started_is_cancelled_at_once(tenant: Tenant, state: State) -> None:
    job_id = bring_to(tenant, state)
    assert cancel_job(tenant_id=tenant.id, job_id=job_id) == State.CANCELLED
    assert look(job_id).ended_at is not None
    assert (events(job_id), charges(job_id)) == ([(1, "job.cancelled")], 0)
    assert claim_job(job_id, worker="w1") is None


def test_a_running_job_is_asked_to_stop(tenant: Tenant) -> None:
    job_id = bring_to(tenant, State.RUNNING)
    assert cancel_job(tenant_id=tenant.id, job_id=job_id) == State.RUNNING
    assert look(job_id).cancel_requested
    assert events(job_id) == []


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_cancel_of_what_has_ended_changes_nothing(tenant: Tenant, state: State) -> None:
    job_id = bring_to(tenant, state)
    assert cancel_job(tenant_id=tenant.id, job_id=job_id) == state
    assert not look(job_id).cancel_requested


def test_nobody_cancels_or_retries_another_tenants_job(tenant: Tenant) -> None:
    job_id, other = submit(tenant), make_tenant("other")
    for asked in (job_id, uuid.uuid4()):
        with pytest.raises(JobNotFoundError):
            cancel_job(tenant_id=other.id, job_id=asked)
        with pytest.raises(JobNotFoundError):
            retry_job(tenant_id=other.id, job_id=asked, ceiling=10)
    assert look(job_id).state == "queued"


def test_a_batch_is_counted_and_cancelled_as_one(tenant: Tenant) -> None:
    batch = uuid.uuid4()
    jobs = [new_job(tenant, batch_id=batch) for _ in range(5)]
    submit_jobs([*jobs, new_job(tenant)])
    assert finish(take(jobs[0].id))
    take(jobs[1].id)
    counts = {"queued": 3, "running": 1, "succeeded": 1}
    assert jobs_in_batch(tenant.id, batch) == counts
    assert cancel_batch(tenant_id=make_tenant("other").id, batch_id=batch) == 0
    assert jobs_in_batch(tenant.id, batch) == counts
    assert cancel_batch(tenant_id=tenant.id, batch_id=batch) == 4
    assert jobs_in_batch(tenant.id, batch) == {"cancelled": 3, "running": 1, "succeeded": 1}
    assert look(jobs[1].id).cancel_requested
    assert Job.objects.filter(batch_id=None, state="queued").count() == 1


@pytest.mark.parametrize("state", sorted(NOT_STARTED))
def test_what_has_not_started_by_its_deadline_expires(tenant: Tenant, state: State) -> None:
    job_id = bring_to(tenant, state, deadline=datetime.now(UTC) + HOUR)
    assert expire_late_jobs() == 0
    change(job_id, deadline=ago(seconds=1))
    assert expire_late_jobs() == 1
    assert (states(job_id), events(job_id)) == (["expired"], [(1, "job.expired")])


@pytest.mark.parametrize("state", [State.RUNNING, *sorted(FINAL)])
def test_a_deadline_leaves_alone_what_runs_or_has_ended(tenant: Tenant, state: State) -> None:
    job_id = bring_to(tenant, state)
    change(job_id, deadline=ago(seconds=1))
    assert expire_late_jobs() == 0
    assert states(job_id) == [state]


def test_a_lost_job_is_queued_again_and_its_loss_is_noted(tenant: Tenant) -> None:
    job_id = submit(tenant)
    take(job_id)
    Lane.objects.update(ready=False)
    lose(job_id)
    row = look(job_id)
    assert (row.state, row.lost_leases, row.attempt, row.fence) == ("queued", 1, 1, 1)
    assert (row.lease_until, row.trail[0]["code"]) == (None, "lease_lost")
    assert Lane.objects.get().ready
    assert take(job_id).fence == 2


def test_a_lease_that_holds_is_not_reaped(tenant: Tenant) -> None:
    job_id = bring_to(tenant, State.RUNNING)
    assert reap_lost_leases() == 0
    assert states(job_id) == ["running"]


def test_a_lost_job_that_was_cancelled_is_cancelled(tenant: Tenant) -> None:
    job_id = bring_to(tenant, State.RUNNING)
    cancel_job(tenant_id=tenant.id, job_id=job_id)
    lose(job_id)
    assert (states(job_id), events(job_id)) == (["cancelled"], [(1, "job.cancelled")])


def test_a_lost_job_that_is_late_expires(tenant: Tenant) -> None:
    job_id = bring_to(tenant, State.RUNNING)
    change(job_id, deadline=ago(seconds=1))
    lose(job_id)
    assert (states(job_id), events(job_id)) == (["expired"], [(1, "job.expired")])


def lose_as_suspect(job_id: UUID) -> None:
    """Rung alone, claimed, and lost once more."""
    assert [ring.job_id for ring in ring_suspect("cpu")] == [str(job_id)]
    lose(job_id)


def test_a_job_that_takes_three_workers_down_is_put_aside(tenant: Tenant) -> None:
    job_id = submit(tenant)
    lose(job_id, times=2)
    assert states(job_id) == ["queued"]
    lose_as_suspect(job_id)
    row = look(job_id)
    assert (row.state, row.error_code) == ("failed", "poison")
    assert "3 times" in row.error_message
    assert events(job_id) == [(1, "job.failed")]


def test_stored_progress_clears_a_job_of_suspicion(tenant: Tenant) -> None:
    job_id = submit(tenant)
    for segment in range(4):
        assert report_progress(take(job_id), 0.5, {"segment": segment})
        assert look(job_id).lost_leases == 0
        lose(job_id)
    assert report_progress(take(job_id), 0.6)
    assert (look(job_id).lost_leases, look(job_id).attempt) == (1, 5)  # nothing was stored


@pytest.mark.django_db(transaction=True)
def test_only_the_killer_is_put_aside_not_its_slot_mates(tenant: Tenant) -> None:
    killer, *mates = submit_jobs([new_job(tenant) for _ in range(4)])
    everyone = [killer.id, *(mate.id for mate in mates)]
    for _ in range(2):
        for job_id in everyone:
            take(job_id)
        for job_id in everyone:
            change(job_id, lease_until=ago(seconds=1))
        assert reap_lost_leases() == 4
    met = []
    while rings := ring_suspect("cpu"):
        (ring,) = rings
        met.append(uuid.UUID(ring.job_id))
        assert ring_suspect("cpu") == []  # one at a time, while it is rung
        job = take(met[-1])
        assert ring_suspect("cpu") == []  # and while it runs
        if job.id == killer.id:
            lose(killer.id)
        else:
            assert finish(job)
    assert sorted(met) == sorted(everyone)
    assert states(*everyone) == ["failed", "succeeded", "succeeded", "succeeded"]


def test_suspects_of_one_queue_do_not_hold_up_another(tenant: Tenant) -> None:
    here, there = submit(tenant, plan=[CPU]), submit(tenant, plan=[NET])
    lose(here, times=2)
    lose(there, times=2)
    assert [len(ring_suspect(queue)) for queue in ("cpu", "net", "cpu", "net")] == [1, 1, 0, 0]


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_final_state_never_changes(tenant: Tenant, state: State) -> None:
    job_id = bring_to(tenant, state, deadline=datetime.now(UTC) + HOUR)
    holder = replace(take(submit(tenant)), id=job_id, fence=look(job_id).fence)
    change(job_id, deadline=ago(seconds=1), lease_until=ago(seconds=1), not_before=ago(seconds=1))
    waiter = submit(tenant, not_before=datetime.now(UTC) + HOUR)
    Edge.objects.create(waiter_id=job_id, awaited_id=waiter, bond=Bond.PART)
    before = (Job.objects.filter(id=job_id).values().get(), events(job_id), charges(job_id))
    for name, act in everything(tenant, job_id).items():
        act()
        after = (Job.objects.filter(id=job_id).values().get(), events(job_id), charges(job_id))
        assert after == before, name
    assert claim_job(job_id, worker="w2") is None
    for name, write in late_writes().items():
        assert write(holder) is False, name
    after = (Job.objects.filter(id=job_id).values().get(), events(job_id), charges(job_id))
    assert after == before


def late_writes() -> dict[str, Callable[..., bool]]:
    from tests.integration.test_ledger_claims import LATE

    return LATE


def everything(tenant: Tenant, job_id: UUID) -> dict[str, Callable[[], object]]:
    """Whatever else the ledger does, one by one."""
    return {
        "cancel": lambda: cancel_job(tenant_id=tenant.id, job_id=job_id),
        "reap": reap_lost_leases,
        "expire": expire_late_jobs,
        "due": queue_due_jobs,
        "suspect": lambda: ring_suspect("cpu"),
        **{f"end as {state}": partial(end_job, job_id, state) for state in sorted(FINAL)},
        "a part of it fails": lambda: end_job(
            Edge.objects.get(waiter_id=job_id).awaited_id, State.FAILED, code="x"
        ),
    }


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
def test_a_retry_is_a_new_job_and_the_old_one_stays(tenant: Tenant, state: State) -> None:
    old = bring_to(tenant, state, request={"text": "x"}, plan=[CPU, NET], idempotency_key="k")
    answer = retry_job(tenant_id=tenant.id, job_id=old, ceiling=10)
    row = look(answer.id)
    assert (row.retry_of_id, row.request, row.kind) == (old, {"text": "x"}, "nap")
    assert (row.state, row.attempt, row.step, len(row.plan)) == ("queued", 0, 0, 2)
    assert row.idempotency_key is None
    assert states(old) == [state]


@pytest.mark.parametrize("state", [*sorted(LIVE), State.SUCCEEDED])
def test_only_what_ended_without_success_can_be_retried(tenant: Tenant, state: State) -> None:
    job_id = bring_to(tenant, state)
    with pytest.raises(NotRetriableError):
        retry_job(tenant_id=tenant.id, job_id=job_id, ceiling=10)
    assert Job.objects.count() == 1


def test_a_retry_counts_against_the_ceiling(tenant: Tenant) -> None:
    ended = bring_to(tenant, State.FAILED)
    submit(tenant)
    with pytest.raises(TenantCeilingError):
        retry_job(tenant_id=tenant.id, job_id=ended, ceiling=1)


def test_a_text_that_was_forgotten_cannot_be_retried(tenant: Tenant) -> None:
    ended = bring_to(tenant, State.FAILED, request={"forgotten": True})
    with pytest.raises(NotRetriableError):
        retry_job(tenant_id=tenant.id, job_id=ended, ceiling=10)


def test_only_success_is_charged(tenant: Tenant) -> None:
    for state in sorted(FINAL):
        bring_to(tenant, state)
    assert [usage.job.state for usage in Usage.objects.select_related("job")] == ["succeeded"]
    assert Event.objects.count() == 4


def test_a_retry_asked_for_twice_is_one_job_until_it_ends(tenant: Tenant) -> None:
    old = bring_to(tenant, State.FAILED)
    first, again = (retry_job(tenant_id=tenant.id, job_id=old, ceiling=10) for _ in range(2))
    assert (again.id, again.replayed) == (first.id, True)
    assert cancel_job(tenant_id=tenant.id, job_id=first.id) == State.CANCELLED
    assert retry_job(tenant_id=tenant.id, job_id=old, ceiling=10).id != first.id
