"""Accepting jobs: one or many, all or none, once per idempotency key; and back-pressure."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.db import DataError, IntegrityError

from jobs.errors import (
    AwaitedEndedError,
    IdempotencyConflictError,
    QueueFullError,
    TenantCeilingError,
)
from jobs.models import Job, Lane
from jobs.pressure import check_pressure, forget_pressure
from jobs.services.accept import Accepted, submit_job, submit_jobs
from jobs.services.hits import DoneJob, record_done_jobs
from jobs.states import Bond, Priority, State
from jobs.sweeps import forget_idempotency_keys
from tests.conftest import make_tenant
from tests.ledger import (
    CHARGE,
    CPU,
    HOUR,
    NET,
    ago,
    at_once,
    bring_to,
    change,
    charges,
    events,
    look,
    new_job,
    states,
    submit,
)

if TYPE_CHECKING:
    from pytest_django import Settings

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db


def test_a_job_is_stored_as_it_was_submitted(tenant: Tenant) -> None:
    deadline = datetime.now(UTC) + HOUR
    job = new_job(
        tenant,
        plan=[NET, CPU],
        request={"text": "Grüße, 🙂"},
        priority=Priority.BATCH,
        cost=2.5,
        deadline=deadline,
        personality_id="p",
    )
    assert submit_job(job) == Accepted(job.id)
    row = look(job.id)
    assert (row.state, row.queue, row.step, row.kind) == ("queued", "net", 0, "nap")
    assert [step["engine"] for step in row.plan] == ["cloud", "echo"]
    assert (row.request, row.cost) == ({"text": "Grüße, 🙂"}, 2.5)
    assert (row.priority, row.deadline, row.personality_id) == (2, deadline, "p")
    assert (row.attempt, row.fence, row.failures, row.lost_leases, row.events) == (0, 0, 0, 0, 0)
    assert Lane.objects.get(tenant=tenant).queue_id == "net"


def test_many_are_accepted_in_one_go_and_in_order(tenant: Tenant) -> None:
    jobs = [new_job(tenant, request={"n": n}) for n in range(1_000)]
    assert submit_jobs(jobs) == [Accepted(job.id) for job in jobs]
    assert Job.objects.filter(state="queued").count() == 1_000
    assert look(jobs[700].id).request == {"n": 700}


def test_of_many_either_all_are_accepted_or_none(tenant: Tenant) -> None:
    good = new_job(tenant)
    with pytest.raises(IntegrityError, match="jobs_job_pkey"):
        submit_jobs([good, new_job(tenant), good])


def test_a_job_that_cannot_be_stored_takes_the_others_with_it(
    transactional_db: None, tenant: Tenant
) -> None:
    with pytest.raises(DataError):
        submit_jobs([new_job(tenant), new_job(tenant, request={"text": "a\0b"})])
    with pytest.raises(ValueError, match="JSON"):
        submit_jobs([new_job(tenant), new_job(tenant, cost=float("nan"))])
    assert not Job.objects.exists()


def test_a_job_for_later_waits_for_its_time(tenant: Tenant) -> None:
    job_id = submit(tenant, not_before=datetime.now(UTC) + HOUR)
    assert look(job_id).state == "waiting"
    assert not Lane.objects.exists()


def test_the_same_key_and_body_is_the_same_job(tenant: Tenant) -> None:
    job = new_job(tenant, idempotency_key="k", body_hash="b")
    assert submit_job(job) == Accepted(job.id)
    again = new_job(tenant, idempotency_key="k", body_hash="b")
    assert submit_job(again) == Accepted(job.id, replayed=True)
    assert Job.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict(tenant: Tenant) -> None:
    submit(tenant, idempotency_key="k", body_hash="b")
    with pytest.raises(IdempotencyConflictError):
        submit(tenant, idempotency_key="k", body_hash="c")
    assert Job.objects.count() == 1


def test_a_key_is_a_tenants_own(tenant: Tenant) -> None:
    first = submit(tenant, idempotency_key="k", body_hash="b")
    assert submit(make_tenant("other"), idempotency_key="k", body_hash="c") != first


def test_one_key_twice_in_one_bulk_is_one_job(tenant: Tenant) -> None:
    job = new_job(tenant, idempotency_key="k", body_hash="b")
    twin = replace(job, id=uuid.uuid4())
    assert submit_jobs([job, twin]) == [Accepted(job.id), Accepted(job.id, replayed=True)]


def test_a_key_may_be_used_again_after_a_day(tenant: Tenant) -> None:
    first = submit(tenant, idempotency_key="k", body_hash="b")
    change(first, created_at=ago(hours=23))
    assert forget_idempotency_keys() == 0
    change(first, created_at=ago(hours=25))
    assert forget_idempotency_keys(dry_run=True) == 1
    assert submit(tenant, idempotency_key="k", body_hash="b") == first
    assert forget_idempotency_keys() == 1
    assert submit(tenant, idempotency_key="k", body_hash="b") != first


@pytest.mark.django_db(transaction=True)
def test_one_key_from_eight_threads_is_one_job(tenant: Tenant) -> None:
    jobs = [new_job(tenant, idempotency_key="k", body_hash="b") for _ in range(8)]
    answers = at_once(8, lambda number: submit_job(jobs[number]))
    assert len({answer.id for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 7
    assert Job.objects.count() == 1


def test_a_job_done_before_is_recorded_whole_and_once(tenant: Tenant) -> None:
    job = new_job(tenant, idempotency_key="k", body_hash="b")
    assert record_done_jobs([DoneJob(job, {"sha256": "x"}, CHARGE)]) == [Accepted(job.id)]
    row = look(job.id)
    assert (row.state, row.progress, row.result) == ("succeeded", 1.0, {"sha256": "x"})
    assert row.started_at == row.ended_at is not None
    assert (events(job.id), charges(job.id)) == ([(1, "job.succeeded")], 1)
    twin = replace(job, id=uuid.uuid4())
    [again] = record_done_jobs([DoneJob(twin, {"sha256": "y"}, CHARGE)])
    assert again == Accepted(job.id, replayed=True)
    with pytest.raises(IdempotencyConflictError):
        record_done_jobs([DoneJob(replace(twin, body_hash="c"), {}, CHARGE)])
    assert (look(job.id).result, charges(job.id)) == ({"sha256": "x"}, 1)


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
def test_nobody_can_wait_on_what_ended_without_success(tenant: Tenant, state: State) -> None:
    ended = bring_to(tenant, state)
    with pytest.raises(AwaitedEndedError):
        submit(tenant, waits_on={ended: Bond.PART})
    with pytest.raises(AwaitedEndedError):
        submit(tenant, waits_on={uuid.uuid4(): Bond.PART})
    assert Job.objects.count() == 1


def test_what_has_succeeded_is_not_waited_for(tenant: Tenant) -> None:
    done, running = bring_to(tenant, State.SUCCEEDED), bring_to(tenant, State.RUNNING)
    free = submit(tenant, waits_on={done: Bond.PART})
    bound = submit(tenant, waits_on={done: Bond.PART, running: Bond.SAME})
    assert states(free, bound) == ["queued", "waiting"]
    assert look(bound).pending == 1


def test_a_job_may_wait_on_others_of_the_same_submit(tenant: Tenant) -> None:
    parts = [new_job(tenant) for _ in range(3)]
    whole = new_job(tenant, waits_on={part.id: Bond.PART for part in parts})
    submit_jobs([*parts, whole])
    assert states(whole.id, parts[0].id) == ["waiting", "queued"]
    assert look(whole.id).pending == 3


def test_a_tenant_past_its_ceiling_is_told_to_wait(tenant: Tenant) -> None:
    submit_jobs([new_job(tenant) for _ in range(3)])
    bring_to(tenant, State.SUCCEEDED)
    check_pressure(tenant_id=tenant.id, ceiling=4)
    with pytest.raises(TenantCeilingError) as refusal:
        check_pressure(tenant_id=tenant.id, ceiling=4)  # the one let in above counts
    assert (refusal.value.status, refusal.value.retry_after) == (429, 5)
    check_pressure(tenant_id=make_tenant("other").id, ceiling=4)
    forget_pressure()
    check_pressure(tenant_id=tenant.id, ceiling=4)  # it was never submitted after all
    forget_pressure()
    with pytest.raises(TenantCeilingError):
        check_pressure(tenant_id=tenant.id, ceiling=4, more=2)


def test_a_full_platform_is_503_for_everybody(tenant: Tenant, settings: Settings) -> None:
    settings.MAX_DEPTH = 3
    submit_jobs([new_job(tenant) for _ in range(3)])
    with pytest.raises(QueueFullError) as refusal:
        check_pressure(tenant_id=make_tenant("other").id, ceiling=100)
    assert (refusal.value.status, refusal.value.retry_after) == (503, 10)


def test_what_was_counted_is_counted_anew_after_a_second(tenant: Tenant) -> None:
    check_pressure(tenant_id=tenant.id, ceiling=2)
    submit_jobs([new_job(tenant) for _ in range(2)])
    check_pressure(tenant_id=tenant.id, ceiling=2)  # an old count, for at most a second
    from jobs import pressure

    pressure._tenants[tenant.id].read_at -= pressure.FRESH
    with pytest.raises(TenantCeilingError):
        check_pressure(tenant_id=tenant.id, ceiling=2)
