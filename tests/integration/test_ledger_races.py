"""What two who act at the same moment may not do to the ledger."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from jobs.models import Job
from jobs.services.accept import submit_jobs
from jobs.services.claims import (
    Ending,
    _finish_all,
    charge_json,
    claim_job,
    fail_step,
    hand_back,
)
from jobs.services.endings import cancel_job
from jobs.services.filling import ring_suspect
from jobs.states import Bond, State
from tests.ledger import (
    CHARGE,
    PERMANENT,
    at_once,
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

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)
T = 0.15  # seconds one waits for the other to be in the middle of it


def meanwhile(slow: Callable[[], object], quick: Callable[[], object]) -> list[object]:
    """`quick` begins while `slow` has done its work and not yet committed."""

    def act(number: int) -> object:
        if number:
            time.sleep(T)
            return quick()
        with transaction.atomic():
            done = slow()
            time.sleep(2 * T)
        return done

    return at_once(2, act)


def all_at_once(*acts: Callable[[], object]) -> list[object]:
    return at_once(len(acts), lambda number: acts[number]())


@pytest.mark.parametrize("bond", list(Bond))
def test_a_waiter_accepted_while_the_awaited_job_finishes_is_set_free(
    tenant: Tenant, bond: Bond
) -> None:
    part = take(submit(tenant))
    jobs = [new_job(tenant, waits_on={part.id: bond}) for _ in range(3)]
    _, finished = meanwhile(lambda: submit_jobs(jobs), lambda: finish(part))
    assert finished
    assert states(part.id, *(job.id for job in jobs)) == ["succeeded"] + ["queued"] * 3
    assert (events(part.id), charges(part.id)) == ([(1, "job.succeeded")], 1)


def test_a_waiter_that_comes_while_the_finish_commits_waits_for_nothing(tenant: Tenant) -> None:
    part = take(submit(tenant))
    job = new_job(tenant, waits_on={part.id: Bond.PART})
    meanwhile(lambda: finish(part), lambda: submit_jobs([job]))
    assert states(part.id, job.id) == ["succeeded", "queued"]


def test_a_waiter_given_up_before_it_was_accepted_holds_up_nobody(tenant: Tenant) -> None:
    part = take(submit(tenant))

    def submit_and_fail() -> None:
        submit(tenant, waits_on={part.id: Bond.PART})
        time.sleep(2 * T)
        transaction.set_rollback(True)

    _, finished = meanwhile(submit_and_fail, lambda: finish(part))
    assert finished
    assert Job.objects.count() == 1


def test_parts_that_finish_together_free_the_whole_once(tenant: Tenant) -> None:
    parts = [new_job(tenant) for _ in range(8)]
    whole = new_job(tenant, waits_on={part.id: Bond.PART for part in parts})
    submit_jobs([*parts, whole])
    held = [take(part.id) for part in parts]
    assert at_once(8, lambda number: finish(held[number])) == [True] * 8
    assert (look(whole.id).state, look(whole.id).pending) == ("queued", 0)


def test_a_job_finished_by_eight_at_once_is_charged_once(tenant: Tenant) -> None:
    held = take(submit(tenant))
    assert sorted(at_once(8, lambda _: finish(held))) == [False] * 7 + [True]
    assert (events(held.id), charges(held.id)) == ([(1, "job.succeeded")], 1)


def test_a_finish_under_an_old_fence_gains_nothing_beside_a_good_one(tenant: Tenant) -> None:
    job_id = submit(tenant)
    late = take(job_id)
    lose(job_id)
    held = take(job_id)
    endings = [Ending(str(job.id), job.fence, "{}", charge_json(CHARGE)) for job in (late, held)]
    assert _finish_all(endings) == [False, True]
    assert (events(job_id), charges(job_id)) == ([(1, "job.succeeded")], 1)


def test_a_cancel_is_not_lost_to_a_hand_back(tenant: Tenant) -> None:
    held = take(submit(tenant))
    meanwhile(lambda: hand_back(held), lambda: cancel_job(tenant_id=tenant.id, job_id=held.id))
    assert states(held.id) == ["cancelled"]


def test_a_cancel_is_not_lost_to_a_claim(tenant: Tenant) -> None:
    job_id = submit(tenant)
    meanwhile(
        lambda: claim_job(job_id, worker="w1"),
        lambda: cancel_job(tenant_id=tenant.id, job_id=job_id),
    )
    assert (states(job_id), look(job_id).cancel_requested) == (["running"], True)


def test_a_finish_and_a_cancel_make_one_end(tenant: Tenant) -> None:
    for _ in range(10):
        held = take(submit(tenant))
        cancel = partial(cancel_job, tenant_id=tenant.id, job_id=held.id)
        all_at_once(cancel, partial(finish, held))
        assert states(held.id) == ["succeeded"]
        assert len(events(held.id)) == charges(held.id) == 1


def test_two_dispatchers_do_not_ring_two_suspects(tenant: Tenant) -> None:
    suspects = [submit(tenant) for _ in range(2)]
    for job_id in suspects:
        lose(job_id, times=2)
    first, second = meanwhile(lambda: ring_suspect("cpu"), lambda: ring_suspect("cpu"))
    assert len([*first, *second]) == 1  # type: ignore[misc]
    assert Job.objects.filter(state=State.RUNG).count() == 1


def test_a_whole_can_be_cancelled_while_its_parts_finish_and_fail(tenant: Tenant) -> None:
    for _ in range(6):
        parts = [new_job(tenant) for _ in range(5)]
        whole = new_job(tenant, waits_on={part.id: Bond.PART for part in parts})
        submit_jobs([*parts, whole])
        failing, *held = [take(part.id) for part in parts]
        acts: list[Callable[[], object]] = [
            *(partial(finish, job) for job in held),
            partial(fail_step, failing, PERMANENT),
            partial(cancel_job, tenant_id=tenant.id, job_id=whole.id),
        ]
        all_at_once(*acts)  # a deadlock would be an error here
        assert states(whole.id, failing.id)[0] in {"cancelled", "failed"}
        assert len(events(whole.id)) == 1
