"""A worker's side of the ledger: claim, report, finish, retry, move on, hand back."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models import F

from jobs.models import Event, Job, Lane, Usage
from jobs.services.claims import (
    Charge,
    ClaimedJob,
    Failure,
    claim_job,
    end_interrupted,
    fail_step,
    finish_job,
    hand_back,
)
from jobs.services.endings import cancel_job
from jobs.services.housekeeping import queue_due_jobs
from jobs.services.progress import report_progress
from jobs.states import FINAL, State
from tests.ledger import (
    CPU,
    NET,
    PASSING,
    PERMANENT,
    ago,
    at_once,
    bring_to,
    change,
    charges,
    events,
    finish,
    look,
    lose,
    states,
    submit,
    take,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from pytest_django import Settings

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db


def come_due(job_id: UUID) -> None:
    """Its retry's pause is over."""
    assert look(job_id).state == State.WAITING
    change(job_id, not_before=ago(seconds=1))
    assert queue_due_jobs() == 1


def test_a_claim_takes_a_lease_and_shows_what_is_to_do(tenant: Tenant) -> None:
    job_id = submit(tenant, request={"text": "hello"}, plan=[CPU, NET])
    job = take(job_id, worker="cpu@one")
    assert (job.engine, job.binding, job.request) == ("echo", {}, {"text": "hello"})
    assert (job.fence, job.attempt, job.step) == (1, 1, 0)
    row = look(job_id)
    assert (row.state, row.worker, row.attempt) == ("running", "cpu@one", 1)
    assert row.lease_until is not None
    assert row.started_at is not None
    assert row.lease_until - row.started_at == timedelta(seconds=3)


@pytest.mark.parametrize("state", [State.WAITING, State.RUNNING, *FINAL])
def test_only_a_free_job_can_be_claimed(tenant: Tenant, state: State) -> None:
    job_id = bring_to(tenant, state)
    before = Job.objects.filter(id=job_id).values().get()
    assert claim_job(job_id, worker="w2") is None
    assert Job.objects.filter(id=job_id).values().get() == before


def claim_as(job_id: UUID, number: int) -> ClaimedJob | None:
    return claim_job(job_id, worker=f"w{number}")


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_that_claim_at_once_one_wins(tenant: Tenant) -> None:
    for _ in range(5):
        job_id = submit(tenant)
        won = at_once(16, partial(claim_as, job_id))
        (winner,) = [number for number, job in enumerate(won) if job]
        assert (look(job_id).worker, look(job_id).fence) == (f"w{winner}", 1)


def test_a_bell_of_an_earlier_step_does_not_claim_a_later_one(tenant: Tenant) -> None:
    job_id = submit(tenant, plan=[CPU, NET])
    job = claim_job(job_id, worker="w1", queue="cpu")
    assert job is not None
    assert fail_step(job, PERMANENT)
    assert claim_job(job_id, worker="w1", queue="cpu") is None
    later = claim_job(job_id, worker="w2", queue="net")
    assert later is not None
    assert later.engine == "cloud"


def test_a_late_bell_does_not_bring_a_suspect_among_others(tenant: Tenant) -> None:
    job_id = submit(tenant)
    lose(job_id)
    assert take(job_id)
    change(job_id, state=State.QUEUED, lost_leases=2)
    assert claim_job(job_id, worker="w2") is None
    change(job_id, state=State.RUNG)
    assert take(job_id)


def test_a_finish_writes_result_charge_and_event_once(tenant: Tenant) -> None:
    job_id = submit(tenant, personality_id="p")
    job = take(job_id)
    charge = Charge(voice="ember", provider="echo", characters=7, audio_seconds=1.5, cost_usd="0.2")
    assert finish_job(job, result={"sha256": "x"}, charge=charge)
    row = look(job_id)
    assert (row.state, row.result, row.progress) == ("succeeded", {"sha256": "x"}, 1.0)
    assert (row.lease_until, row.ended_at is not None) == (None, True)
    assert events(job_id) == [(1, "job.succeeded")]
    assert Event.objects.get(job=job_id).data == {"sha256": "x"}
    usage = Usage.objects.get(job=job_id)
    assert (usage.tenant_id, usage.personality_id, usage.voice) == (tenant.id, "p", "ember")
    assert (usage.characters, usage.audio_seconds, float(usage.cost_usd)) == (7, 1.5, 0.2)
    assert finish_job(job, result={"sha256": "y"}, charge=charge) is False
    assert (look(job_id).result, charges(job_id)) == ({"sha256": "x"}, 1)


LATE: dict[str, Callable[[ClaimedJob], bool]] = {
    "finish": finish,
    "progress": lambda job: report_progress(job, 0.5),
    "checkpoint": lambda job: report_progress(job, 0.5, {"at": 3}),
    "retry": lambda job: fail_step(job, PASSING),
    "move on": lambda job: fail_step(job, PERMANENT),
    "hand back": hand_back,
    "cancel": lambda job: end_interrupted(job, State.CANCELLED),
    "expire": lambda job: end_interrupted(job, State.EXPIRED),
}


@pytest.mark.parametrize("write", LATE)
@pytest.mark.parametrize("since", ["lost", "claimed again", "cancelled", "awaited"])
def test_a_write_after_the_lease_is_refused(tenant: Tenant, write: str, since: str) -> None:
    job_id = submit(tenant, plan=[CPU, NET])
    late = take(job_id)
    lose(job_id)
    if since == "claimed again":
        take(job_id, "w2")
    elif since == "cancelled":
        cancel_job(tenant_id=tenant.id, job_id=job_id)
    elif since == "awaited":
        take(job_id, "w2")
        change(job_id, awaited=True)
    before = Job.objects.filter(id=job_id).values().get()
    assert LATE[write](late) is False
    assert Job.objects.filter(id=job_id).values().get() == before
    assert charges(job_id) == 0


@pytest.mark.parametrize("write", LATE)
def test_the_last_fence_of_an_ended_job_is_worth_nothing(tenant: Tenant, write: str) -> None:
    job_id = submit(tenant, plan=[CPU, NET])
    job = take(job_id)
    assert finish(job)
    before = Job.objects.filter(id=job_id).values().get()
    assert LATE[write](job) is False
    assert Job.objects.filter(id=job_id).values().get() == before
    assert (events(job_id), charges(job_id)) == ([(1, "job.succeeded")], 1)


def test_progress_and_checkpoint_are_kept(tenant: Tenant) -> None:
    job_id = submit(tenant)
    job = take(job_id)
    assert report_progress(job, 0.25)
    assert report_progress(job, 0.5, {"segment": 4})
    assert report_progress(job, 0.75)
    assert (look(job_id).progress, look(job_id).checkpoint) == (0.75, {"segment": 4})
    assert events(job_id) == [(number, "job.progress") for number in (1, 2, 3)]
    assert hand_back(job)
    assert take(job_id).checkpoint == {"segment": 4}


def test_what_stores_progress_again_and_again_may_fail_again_and_again(
    tenant: Tenant, settings: Any
) -> None:
    job_id = submit(tenant)
    for number in range(settings.MAX_FAILURES + 2):
        job = take(job_id)
        assert report_progress(job, 0.5, {"step": number})
        assert fail_step(job, PASSING)
        assert (look(job_id).state, look(job_id).failures) == ("waiting", 1)
        change(job_id, state=State.QUEUED)


def test_a_passing_failure_is_tried_again_after_a_pause(tenant: Tenant) -> None:
    job_id = submit(tenant, plan=[CPU, NET])
    assert fail_step(take(job_id), PASSING)
    row = look(job_id)
    assert (row.state, row.failures, row.step, row.lease_until) == ("waiting", 1, 0, None)
    assert row.not_before is not None
    assert row.started_at is not None
    assert timedelta(0) <= row.not_before - row.started_at <= timedelta(seconds=0.05)
    assert row.trail == [
        {"attempt": 1, "engine": "echo", "code": "engine_busy", "message": PASSING.message}
    ]
    come_due(job_id)
    row = look(job_id)
    assert (row.state, row.not_before) == ("queued", None)
    again = take(job_id)
    assert (again.attempt, look(job_id).failures, again.fence) == (2, 1, 2)


def test_a_retry_does_not_come_before_its_time(tenant: Tenant) -> None:
    job_id = submit(tenant)
    assert fail_step(take(job_id), PASSING)
    change(job_id, not_before=ago(seconds=-60))
    assert queue_due_jobs() == 0
    assert look(job_id).state == "waiting"


def test_a_due_retry_wakes_its_lane(tenant: Tenant) -> None:
    job_id = submit(tenant)
    assert fail_step(take(job_id), PASSING)
    Lane.objects.update(ready=False)
    come_due(job_id)
    assert Lane.objects.get().ready


def test_pauses_differ_from_job_to_job(tenant: Tenant, settings: Settings) -> None:
    settings.RETRY_BASE = timedelta(seconds=100)
    for _ in range(20):
        assert fail_step(take(submit(tenant)), PASSING)
    pauses = Job.objects.annotate(pause=F("not_before") - F("started_at"))
    assert len({round(job.pause.total_seconds()) for job in pauses}) > 10


def test_five_passing_failures_end_the_job(tenant: Tenant) -> None:
    job_id = submit(tenant)
    for _ in range(4):
        assert fail_step(take(job_id), PASSING)
        come_due(job_id)
    assert fail_step(take(job_id), PASSING)
    row = look(job_id)
    assert (row.state, row.attempt) == ("failed", 5)
    assert (row.error_code, row.error_message) == ("engine_busy", PASSING.message)
    assert (events(job_id), charges(job_id)) == ([(1, "job.failed")], 0)
    assert Event.objects.get(job=job_id).data["code"] == "engine_busy"


def test_a_permanent_failure_goes_on_with_the_next_step_on_its_queue(tenant: Tenant) -> None:
    job_id = submit(tenant, plan=[CPU, NET])
    job = take(job_id)
    change(job_id, failures=3)
    assert fail_step(job, PERMANENT)
    row = look(job_id)
    assert (row.state, row.queue, row.step, row.failures) == ("queued", "net", 1, 0)
    assert row.trail[0]["code"] == "unsupported"
    assert Lane.objects.filter(queue="net", tenant=tenant, ready=True).exists()
    last = take(job_id)
    assert (last.engine, last.attempt) == ("cloud", 2)
    assert fail_step(last, PERMANENT)
    assert (look(job_id).state, look(job_id).error_code) == ("failed", "unsupported")


def test_failures_that_pass_use_up_a_step_and_then_the_next_is_tried(tenant: Tenant) -> None:
    job_id = submit(tenant, plan=[CPU, NET])
    for _ in range(4):
        assert fail_step(take(job_id), PASSING)
        come_due(job_id)
    assert fail_step(take(job_id), PASSING)
    assert (look(job_id).state, look(job_id).queue, look(job_id).failures) == ("queued", "net", 0)
    assert fail_step(take(job_id), PASSING)
    assert look(job_id).state == "waiting"


def test_a_job_handed_back_has_lost_neither_an_attempt_nor_a_lease(tenant: Tenant) -> None:
    job_id = submit(tenant)
    Lane.objects.update(ready=False)
    assert hand_back(take(job_id))
    row = look(job_id)
    assert (row.state, row.attempt, row.failures, row.lost_leases) == ("queued", 0, 0, 0)
    assert (row.lease_until, row.queue, row.trail[0]["code"]) == (None, "cpu", "drained")
    assert Lane.objects.get().ready
    assert take(job_id).attempt == 1


@pytest.mark.parametrize("end", ["hand back", "retry", "move on"])
def test_what_was_cancelled_meanwhile_is_not_put_back(tenant: Tenant, end: str) -> None:
    job_id = submit(tenant, plan=[CPU, NET])
    job = take(job_id)
    assert cancel_job(tenant_id=tenant.id, job_id=job_id) == State.RUNNING
    assert LATE[end](job)
    assert states(job_id) == ["cancelled"]
    assert events(job_id) == [(1, "job.cancelled")]


def test_a_finish_that_beats_the_cancel_counts(tenant: Tenant) -> None:
    job_id = submit(tenant)
    job = take(job_id)
    cancel_job(tenant_id=tenant.id, job_id=job_id)
    assert finish(job)
    assert (states(job_id), charges(job_id)) == (["succeeded"], 1)


def test_what_a_failure_says_may_be_any_text(tenant: Tenant) -> None:
    said = "quote ' \" percent %s %(x)s backslash \\ 🙂"
    job_id = submit(tenant)
    assert fail_step(take(job_id), Failure("odd", said, permanent=True))
    assert look(job_id).error_message == said
    assert json.loads(json.dumps(Event.objects.get(job=job_id).data))["message"] == said
