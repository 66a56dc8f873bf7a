"""Jobs that wait on others: as parts of a whole, or for the same render."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from jobs.models import Edge, Job, Lane
from jobs.services.accept import submit_jobs
from jobs.services.claims import claim_job, fail_step
from jobs.services.endings import cancel_job, end_job
from jobs.services.housekeeping import expire_late_jobs, queue_due_jobs
from jobs.states import Bond, State
from tests.ledger import (
    CPU,
    HOUR,
    NET,
    PASSING,
    PERMANENT,
    ago,
    change,
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
    from uuid import UUID

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)


def book(tenant: Tenant, count: int = 3) -> tuple[UUID, list[UUID]]:
    """A whole and its parts."""
    parts = [new_job(tenant) for _ in range(count)]
    whole = new_job(tenant, waits_on={part.id: Bond.PART for part in parts})
    submit_jobs([*parts, whole])
    return whole.id, [part.id for part in parts]


def crowd(tenant: Tenant, count: int = 3) -> tuple[UUID, list[UUID]]:
    """A job that makes a render, and others that want the same, in their order."""
    maker = submit(tenant)
    waiters = [submit(tenant, waits_on={maker: Bond.SAME}) for _ in range(count)]
    assert states(*waiters) == ["waiting"] * count
    return maker, sorted(waiters)


def awaited(waiter: UUID) -> list[UUID]:
    return list(Edge.objects.filter(waiter=waiter).values_list("awaited_id", flat=True))


def test_a_whole_is_queued_with_the_last_of_its_parts(tenant: Tenant) -> None:
    whole, parts = book(tenant)
    assert claim_job(whole, worker="w1") is None
    for left, part in zip((2, 1), parts[:-1], strict=True):
        assert finish(take(part))
        assert (look(whole).state, look(whole).pending) == ("waiting", left)
    Lane.objects.update(ready=False)
    assert finish(take(parts[-1]))
    assert (look(whole).state, look(whole).pending) == ("queued", 0)
    assert Lane.objects.get().ready
    assert finish(take(whole))


def test_a_whole_for_later_waits_for_its_time_as_well(tenant: Tenant) -> None:
    part = submit(tenant)
    soon = datetime.now(UTC) + HOUR
    whole = submit(tenant, waits_on={part: Bond.PART}, not_before=soon)
    change(whole, not_before=ago(seconds=1))
    assert queue_due_jobs() == 0
    change(whole, not_before=soon)
    assert finish(take(part))
    assert states(whole) == ["waiting"]
    assert queue_due_jobs() == 0
    change(whole, not_before=ago(seconds=1))
    assert queue_due_jobs() == 1
    assert states(whole) == ["queued"]


def test_a_failed_part_fails_the_whole_for_the_same_reason(tenant: Tenant) -> None:
    whole, parts = book(tenant)
    assert finish(take(parts[0]))
    running = take(parts[2])
    assert fail_step(take(parts[1]), PERMANENT)
    row = look(whole)
    assert (row.state, row.error_code, row.error_message) == (
        "failed",
        PERMANENT.code,
        PERMANENT.message,
    )
    assert events(whole) == [(1, "job.failed")]
    assert states(*parts) == ["succeeded", "failed", "running"]
    assert look(running.id).cancel_requested  # nobody waits for it any more


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED])
def test_a_part_that_ends_otherwise_fails_the_whole_and_says_how(
    tenant: Tenant, state: State
) -> None:
    whole, parts = book(tenant)
    assert end_job(parts[0], state)
    assert (look(whole).state, look(whole).error_code) == ("failed", f"part_{state}")
    assert states(*parts) == [state, "cancelled", "cancelled"]


def test_a_poisoned_part_fails_the_whole(tenant: Tenant) -> None:
    whole, parts = book(tenant, 1)
    lose(parts[0], times=2)
    change(parts[0], state=State.RUNG)
    lose(parts[0])
    assert (look(whole).state, look(whole).error_code) == ("failed", "poison")


def test_failure_climbs_through_wholes_of_wholes(tenant: Tenant) -> None:
    whole, parts = book(tenant, 2)
    shelf = submit(tenant, waits_on={whole: Bond.PART})
    assert fail_step(take(parts[0]), PERMANENT)
    assert states(shelf, whole, *parts) == ["failed", "failed", "failed", "cancelled"]
    assert look(shelf).error_code == PERMANENT.code


def test_cancelling_the_whole_cancels_the_parts_nobody_else_waits_for(tenant: Tenant) -> None:
    whole, parts = book(tenant, 4)
    shared, running, done, alone = parts
    other = submit(tenant, waits_on={shared: Bond.PART})
    take(running)
    assert finish(take(done))
    assert cancel_job(tenant_id=tenant.id, job_id=whole) == State.CANCELLED
    assert states(shared, running, done, alone) == ["queued", "running", "succeeded", "cancelled"]
    assert look(running).cancel_requested
    assert not look(shared).cancel_requested
    assert finish(take(shared))
    assert states(other) == ["queued"]


def test_an_expired_whole_cancels_its_parts(tenant: Tenant) -> None:
    whole, parts = book(tenant, 2)
    change(whole, deadline=ago(seconds=1))
    assert expire_late_jobs() == 1
    assert states(whole, *parts) == ["expired", "cancelled", "cancelled"]


def test_a_part_that_fails_in_passing_fails_nobody(tenant: Tenant) -> None:
    whole, parts = book(tenant, 1)
    assert fail_step(take(parts[0]), PASSING)
    assert states(whole, parts[0]) == ["waiting", "waiting"]
    change(parts[0], not_before=ago(seconds=1))
    assert queue_due_jobs() == 1
    assert finish(take(parts[0]))
    assert states(whole) == ["queued"]


def test_who_wants_the_same_is_free_when_it_is_made(tenant: Tenant) -> None:
    maker, waiters = crowd(tenant)
    assert finish(take(maker))
    assert states(*waiters) == ["queued"] * 3
    assert [look(waiter).pending for waiter in waiters] == [0, 0, 0]


def test_a_waiter_never_cancels_the_one_that_makes_the_render(tenant: Tenant) -> None:
    maker, waiters = crowd(tenant)
    for waiter in waiters:
        cancel_job(tenant_id=tenant.id, job_id=waiter)
    assert states(maker, *waiters) == ["queued"] + ["cancelled"] * 3
    assert not look(maker).cancel_requested
    assert finish(take(maker))


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED])
def test_the_first_waiter_takes_over_and_the_others_wait_on_it(
    tenant: Tenant, state: State
) -> None:
    maker, (first, *others) = crowd(tenant)
    Lane.objects.update(ready=False)
    assert end_job(maker, state)
    assert states(first, *others) == ["queued", "waiting", "waiting"]
    assert Lane.objects.get().ready
    assert [awaited(other) for other in others] == [[first], [first]]
    assert finish(take(first))
    assert states(*others) == ["queued", "queued"]


def test_heirs_follow_each_other(tenant: Tenant) -> None:
    maker, waiters = crowd(tenant)
    for heir in (maker, *waiters[:-1]):
        assert end_job(heir, State.CANCELLED)
    assert states(*waiters) == ["cancelled", "cancelled", "queued"]
    assert finish(take(waiters[-1]))


def test_a_permanent_failure_is_shared(tenant: Tenant) -> None:
    maker, waiters = crowd(tenant)
    assert fail_step(take(maker), PERMANENT)
    assert states(*waiters) == ["failed"] * 3
    assert {look(waiter).error_code for waiter in waiters} == {PERMANENT.code}
    assert [events(waiter) for waiter in waiters] == [[(1, "job.failed")]] * 3


def test_poison_is_shared(tenant: Tenant) -> None:
    maker, waiters = crowd(tenant)
    lose(maker, times=2)
    change(maker, state=State.RUNG)
    lose(maker)
    assert {(look(waiter).state, look(waiter).error_code) for waiter in waiters} == {
        ("failed", "poison")
    }


def test_bad_luck_is_not_shared(tenant: Tenant) -> None:
    maker, (first, *others) = crowd(tenant)
    for _ in range(4):
        assert fail_step(take(maker), PASSING)
        change(maker, not_before=ago(seconds=1))
        queue_due_jobs()
    assert fail_step(take(maker), PASSING)
    assert states(maker, first, *others) == ["failed", "queued", "waiting", "waiting"]
    assert look(first).failures == 0


def test_a_render_wanted_by_a_whole_is_inherited_too(tenant: Tenant) -> None:
    maker = submit(tenant)
    part = submit(tenant, waits_on={maker: Bond.SAME})
    whole = submit(tenant, waits_on={part: Bond.PART})
    assert end_job(maker, State.CANCELLED)
    assert states(part, whole) == ["queued", "waiting"]
    assert finish(take(part))
    assert states(whole) == ["queued"]


def test_a_replay_adds_nothing_to_wait_for(tenant: Tenant) -> None:
    maker = submit(tenant)
    known = {"idempotency_key": "k", "body_hash": "b", "waits_on": {maker: Bond.SAME}}
    first = submit(tenant, **known)
    assert submit(tenant, **known) == first
    assert (look(first).pending, Edge.objects.count(), Job.objects.count()) == (1, 1, 2)
    assert finish(take(maker))
    assert states(first) == ["queued"]


def test_a_waiter_with_another_way_left_takes_it_instead_of_failing(tenant: Tenant) -> None:
    maker, (first, second, third) = crowd(tenant)
    change(second, plan=[CPU.as_json(), NET.as_json()])
    assert fail_step(take(maker), PERMANENT)
    assert states(first, second, third) == ["failed", "queued", "failed"]
