"""What is held up begins nowhere, and a bell that was heard in vain is rung again at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.models import Lane, Queue
from jobs.services.claims import claim_job
from jobs.services.filling import fill_queue
from jobs.services.steering import pass_on, pause_queue, resume_queue
from jobs.services.workers import drain_worker, is_draining, resume_worker
from jobs.states import State
from tests.ledger import a_worker, bring_to, finish, look, submit, take

if TYPE_CHECKING:
    from tenants.models import Tenant

pytestmark = pytest.mark.django_db


def test_nobody_claims_a_job_of_a_paused_queue(tenant: Tenant) -> None:
    queued, rung = submit(tenant), bring_to(tenant, State.RUNG)
    running = take(submit(tenant))
    assert pause_queue(name="cpu")
    assert [claim_job(job_id, worker="w1") for job_id in (queued, rung)] == [None, None]
    assert finish(running)
    assert resume_queue(name="cpu")
    assert claim_job(queued, worker="w1") is not None
    assert claim_job(rung, worker="w1") is not None


def test_a_pause_holds_up_no_other_queue(tenant: Tenant) -> None:
    job_id = submit(tenant)
    Queue.objects.get_or_create(name="net")
    assert pause_queue(name="net")
    assert claim_job(job_id, worker="w1") is not None


def test_a_worker_that_drains_claims_nothing_and_others_do(tenant: Tenant) -> None:
    a_worker(name="w1")
    a_worker(name="w2")
    job_id = bring_to(tenant, State.RUNG)
    assert drain_worker(name="w1")
    assert claim_job(job_id, worker="w1") is None
    assert look(job_id).state == State.RUNG
    assert claim_job(job_id, worker="w2") is not None
    assert resume_worker(name="w1")
    assert claim_job(submit(tenant), worker="w1") is not None


@pytest.mark.django_db(transaction=True)
def test_a_bell_heard_in_vain_goes_back_in_line_and_is_rung_again(tenant: Tenant) -> None:
    a_worker(name="w1")
    a_worker(name="w2")
    job_id = submit(tenant)
    assert [ring.job_id for ring in fill_queue("cpu").rings] == [str(job_id)]
    Lane.objects.update(ready=False)  # as the dispatcher finds it when nothing else waits
    pass_on([str(job_id)], worker="w1")
    assert look(job_id).state == State.RUNG  # it may begin here
    drain_worker(name="w1")
    pass_on([str(job_id)], worker="w2")
    assert look(job_id).state == State.RUNG  # and there
    pass_on([str(job_id)], worker="w1")
    assert look(job_id).state == State.QUEUED
    assert [ring.job_id for ring in fill_queue("cpu").rings] == [str(job_id)]


@pytest.mark.parametrize("state", [s for s in State if s is not State.RUNG])
def test_only_what_was_rung_is_passed_on(tenant: Tenant, state: State) -> None:
    a_worker(name="w1")
    job_id = bring_to(tenant, state)
    drain_worker(name="w1")
    pause_queue(name="cpu")
    pass_on([str(job_id)], worker="w1")
    assert look(job_id).state == state


def test_levers_say_whether_they_moved(tenant: Tenant) -> None:
    a_worker(name="w1")
    assert [drain_worker(name="w1"), drain_worker(name="w1")] == [True, False]
    assert is_draining(name="w1")
    assert [resume_worker(name="w1"), resume_worker(name="w1")] == [True, False]
    assert not is_draining(name="w1")
    assert [pause_queue(name="cpu"), pause_queue(name="cpu")] == [True, False]
    assert [resume_queue(name="cpu"), resume_queue(name="cpu")] == [True, False]
    for lever in (drain_worker, resume_worker, pause_queue, resume_queue):
        assert lever(name="nobody") is False
