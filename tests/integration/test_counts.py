"""Each counter moves by exactly what happened, and by nothing that was rolled back or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from jobs.services.accept import submit_jobs
from jobs.services.claims import claim_job, end_interrupted, fail_step, hand_back
from jobs.services.endings import cancel_job, end_job
from jobs.services.housekeeping import queue_due_jobs
from jobs.services.progress import report_progress
from jobs.states import Bond, State
from jobs.tallies import tallies, told_tallies
from tests import s3
from tests.ledger import (
    PASSING,
    PERMANENT,
    ago,
    bring_to,
    change,
    eventually,
    finish,
    lose,
    new_job,
    submit,
    take,
)
from tests.receivers import Reply, receiver
from tests.speech import SYNTHESIZE, post, speak
from tests.webhooks import a_postman, endpoint, settled, succeed
from voices.store import ObjectMissing, StoreDown, audio_name
from voices.store.s3 import MinioStore, Patience
from voices.timing import TimedStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client

    from jobs.services.claims import ClaimedJob
    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)


def counted(name: str) -> dict[str, float]:
    """What the ledger has been told of it, by labels."""
    tallies.tell()
    return told_tallies()[f"voicemill_{name}"]


def ended(*labels: str) -> dict[str, float]:
    names = ("queue", "kind", "state")
    pairs = [zip(names, one.split(), strict=True) for one in labels]
    written = [",".join(f'{name}="{value}"' for name, value in pair) for pair in pairs]
    return {one: float(written.count(one)) for one in written}


def test_what_was_accepted_is_counted_and_what_is_repeated_or_taken_back_is_not(
    tenant: Tenant,
) -> None:
    job = new_job(tenant, idempotency_key="k")
    submit_jobs([job, new_job(tenant), new_job(tenant, kind="song")])
    submit_jobs([replace(job)])
    with transaction.atomic():
        submit_jobs([new_job(tenant)])
        transaction.set_rollback(True)
    assert counted("jobs_accepted_total") == {'kind="nap"': 2, 'kind="song"': 1}


def test_a_wait_is_counted_once_and_each_claim_for_itself(tenant: Tenant) -> None:
    job_id = submit(tenant)
    change(job_id, created_at=ago(seconds=200), rung_at=ago(seconds=40), state=State.RUNG)
    fail_step(take(job_id), PASSING)
    change(job_id, not_before=ago(seconds=1))
    assert queue_due_jobs() == 1
    change(job_id, rung_at=ago(seconds=3), state=State.RUNG)
    assert finish(take(job_id))
    waits, claims = counted("wait_seconds_bucket"), counted("claim_seconds_bucket")
    assert waits['queue="cpu",le="60"'] == 0
    assert waits['queue="cpu",le="300"'] == waits['queue="cpu",le="+Inf"'] == 1
    assert [claims[f'queue="cpu",le="{le}"'] for le in ("2.5", "5", "30", "60")] == [0, 1, 1, 2]
    assert counted("claim_seconds_count") == {'queue="cpu"': 2}


def test_endings_are_counted_by_how_they_ended(tenant: Tenant) -> None:
    for state in (State.SUCCEEDED, State.SUCCEEDED, State.FAILED, State.EXPIRED):
        bring_to(tenant, state)
    cancel_job(tenant_id=tenant.id, job_id=submit(tenant))
    with transaction.atomic():
        assert finish(take(submit(tenant)))
        transaction.set_rollback(True)
    assert not end_job(bring_to(tenant, State.SUCCEEDED), State.FAILED)
    assert counted("jobs_ended_total") == ended(
        *["cpu nap succeeded"] * 3, "cpu nap failed", "cpu nap expired", "cpu nap cancelled"
    )


def test_a_job_that_goes_down_with_another_is_counted_too(tenant: Tenant) -> None:
    awaited = submit(tenant)
    submit(tenant, waits_on={awaited: Bond.PART}, kind="song")
    end_job(awaited, State.FAILED, code="unsupported")
    assert counted("jobs_ended_total") == ended("cpu nap failed", "cpu song failed")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("finish", finish),
        ("fail", lambda job: fail_step(job, PERMANENT)),
        ("retry", lambda job: fail_step(job, PASSING)),
        ("requeue", hand_back),
        ("end", lambda job: end_interrupted(job, State.CANCELLED)),
        ("progress", lambda job: report_progress(job, 0.5)),
    ],
)
def test_a_write_that_comes_too_late_is_counted_as_refused_and_as_nothing_else(
    tenant: Tenant, name: str, write: Callable[[ClaimedJob], bool]
) -> None:
    late = take(submit(tenant))
    change(late.id, lease_until=ago(seconds=1))
    lose(late.id)
    assert write(late) is False
    assert counted("fenced_writes_total") == {f'write="{name}"': 1}
    assert counted("jobs_ended_total") == {}
    assert write(take(late.id)) is True
    assert counted("fenced_writes_total") == {f'write="{name}"': 1}


def test_steps_that_fail_are_counted_by_engine_and_code(tenant: Tenant) -> None:
    for failure in (PASSING, PERMANENT, PERMANENT):
        fail_step(take(submit(tenant)), failure)
    assert counted("step_failures_total") == {
        'engine="echo",code="engine_busy"': 1,
        'engine="echo",code="unsupported"': 2,
    }


def test_lost_leases_and_the_poison_they_end_in_are_counted(tenant: Tenant) -> None:
    lose(submit(tenant))
    lose(poison := submit(tenant), times=2)
    change(poison, state=State.RUNG)  # it is rung only when none like it works
    lose(poison)
    assert counted("lost_leases_total") == {'queue="cpu"': 4}
    assert counted("poisoned_total") == {'queue="cpu"': 1}
    assert counted("jobs_ended_total") == ended("cpu nap failed")


def test_a_text_said_before_is_a_hit_and_one_being_said_is_joined(api: Client) -> None:
    body = {"text": "Counted once.", "voice": "tester"}
    first, joined = (str(post(api, SYNTHESIZE, body).json()["id"]) for _ in range(2))
    assert counted("single_flight_joins_total") == {"": 1}
    assert [speak(first).state, speak(joined).state] == ["succeeded"] * 2
    assert post(api, SYNTHESIZE, body).status_code == 200
    assert counted("cache_hits_total") == {"": 1}
    assert counted("single_flight_joins_total") == {"": 1}
    assert counted("jobs_accepted_total") == {'kind="synthesize"': 3}
    assert counted("jobs_ended_total") == ended(
        *["cpu synthesize succeeded"] * 2, "none synthesize succeeded"
    )
    assert counted("render_seconds_count") == {'engine="echo"': 1}
    assert counted("real_time_factor_count") == {'engine="echo"': 1}
    assert counted("rendered_audio_seconds_total") == {'engine="echo"': pytest.approx(0.1)}
    assert counted("store_seconds_count") == {'operation="put"': 2}


def test_each_try_of_a_message_is_counted_by_its_outcome(
    tenant: Tenant, quick_webhooks: None
) -> None:
    answers = {0: Reply(500), 2: Reply(410)}
    with receiver(lambda number: answers.get(number, Reply())) as to, a_postman():
        endpoint(tenant, to)
        succeed(tenant)
        to.wait_for(2)
        eventually(settled)
        succeed(tenant)
        to.wait_for(3)
        eventually(settled)
    attempts = counted("webhook_attempts_total")
    assert attempts == {f'outcome="{outcome}"': 1 for outcome in ("delivered", "failed", "retry")}
    assert counted("webhook_seconds_count") == {"": 3}


def test_a_store_that_is_away_is_counted_and_one_that_lacks_an_object_is_not_away(
    tenant: Tenant, tmp_path: Path
) -> None:
    name, missing = (audio_name(tenant.id, digit * 64, "wav") for digit in "ab")
    with s3.serve_s3(tmp_path) as server:
        keys = (server.endpoint, s3.ACCESS_KEY, s3.SECRET_KEY, s3.BUCKET)
        store = TimedStore(MinioStore(*keys, region=s3.REGION, patience=Patience(1, 1)))
        for use in uses(store, name):
            use()
        with pytest.raises(ObjectMissing):
            store.stat(missing)
        assert counted("store_errors_total") == {}
        assert counted("store_seconds_count") == {
            'operation="put"': 1,
            'operation="read"': 2,
            'operation="stat"': 3,
            'operation="delete"': 1,
        }
    for use in uses(store, name):
        with pytest.raises(StoreDown):
            use()
    errors = counted("store_errors_total")
    assert errors == {
        'operation="put"': 1,
        'operation="read"': 2,
        'operation="stat"': 2,
        'operation="delete"': 1,
    }


def uses(store: TimedStore, name: str) -> list[Callable[[], Any]]:
    """One call of each operation that is timed."""
    return [
        lambda: store.put(name, b"sound", media_type="audio/wav"),
        lambda: store.read(name),
        lambda: b"".join(store.open_range(name, 0, 3)),
        lambda: store.stat(name),
        lambda: store.exists(name),
        lambda: store.delete(name),
    ]


def test_a_claim_of_a_job_that_never_rang_has_no_claim_time(tenant: Tenant) -> None:
    assert claim_job(submit(tenant), worker="w1") is not None
    assert counted("claim_seconds_count") == {}
    assert counted("wait_seconds_count") == {'queue="cpu"': 1}
