"""Webhooks whole: from an event in the ledger to a receiver, once per event whatever it answers."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import DataError, connections, transaction
from standardwebhooks import Webhook

from jobs.models import Event
from jobs.prepared import Statement
from jobs.services.endings import cancel_job
from jobs.services.progress import report_progress
from jobs.states import State
from jobs.webhooks import endpoints
from jobs.webhooks.deliveries import claim_due, note_answers
from jobs.webhooks.events import EVENTS
from jobs.webhooks.fanning import MOVE, fan_out
from jobs.webhooks.models import Delivery
from jobs.webhooks.sending import Answer
from tests.conftest import make_tenant
from tests.ledger import at_once, bring_to, eventually, finish, submit, take
from tests.receivers import receiver
from tests.webhooks import endpoint, only, settled, succeed, told

if TYPE_CHECKING:
    from pytest_django import Settings

    from tenants.models import Tenant
    from tests.receivers import Receiver

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quick_webhooks"),
]


# What is told, and to whom


def test_every_end_of_a_job_is_told_signed_once(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    made = endpoint(tenant, good)
    ended = {state: bring_to(tenant, State(state)) for state in ("succeeded", "failed")}
    ended |= {state: bring_to(tenant, State(state)) for state in ("cancelled", "expired")}
    good.wait_for(4)
    eventually(settled)
    assert told(good) == sorted((f"job.{state}", str(job)) for state, job in ended.items())
    for got in good.got:
        Webhook(made.secret).verify(got.body, got.headers)
    assert set(Delivery.objects.values_list("state", "tried")) == {("delivered", 1)}


def test_an_endpoint_hears_what_it_asked_for_and_nothing_else(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    endpoint(tenant, good, events=["job.failed"])
    succeed(tenant)
    failed = bring_to(tenant, State.FAILED)
    bring_to(tenant, State.CANCELLED)
    good.wait_for(1)
    eventually(settled)
    assert told(good) == [("job.failed", str(failed))]


def test_progress_is_told_to_whoever_asked_for_it(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    endpoint(tenant, good, events=list(EVENTS))
    with receiver() as other:
        endpoint(tenant, other)
        job = take(submit(tenant))
        assert report_progress(job, 0.5)
        assert finish(job)
        good.wait_for(2)
        other.wait_for(1)
        eventually(settled)
        assert told(other) == [("job.succeeded", str(job.id))]
    assert told(good) == [("job.progress", str(job.id)), ("job.succeeded", str(job.id))]
    progress = next(json.loads(got.body) for got in good.got if "progress" in got.body)
    assert (progress["data"]["state"], progress["data"]["progress"]) == ("running", 0.5)


def test_nobody_hears_of_another_tenants_jobs(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    endpoint(tenant, good)
    stranger = make_tenant("stranger")
    with receiver() as theirs:
        endpoint(stranger, theirs)
        mine, other = succeed(tenant), succeed(stranger)
        good.wait_for(1)
        theirs.wait_for(1)
        eventually(settled)
        assert told(theirs) == [("job.succeeded", str(other))]
    assert told(good) == [("job.succeeded", str(mine))]


def test_what_happened_before_an_endpoint_was_made_or_while_it_was_off_is_not_told(
    tenant: Tenant, good: Receiver
) -> None:
    succeed(tenant)
    made = endpoint(tenant, good)
    first = succeed(tenant)
    fan_out()
    endpoints.change_endpoint(made, active=False)
    succeed(tenant)
    endpoints.change_endpoint(made, active=True)
    second = succeed(tenant)
    fan_out()
    assert set(Delivery.objects.values_list("job", flat=True)) == {first, second}


def test_the_address_of_one_request_hears_of_that_job_alone(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    secret = endpoints.own_endpoint(tenant.id).secret
    succeed(tenant)
    own = succeed(tenant, webhook_url=good.url)
    good.wait_for(1)
    eventually(settled)
    assert told(good) == [("job.succeeded", str(own))]
    Webhook(secret).verify(good.got[0].body, good.got[0].headers)
    assert only().url == good.url


def test_an_event_is_told_to_every_endpoint_under_one_id(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    endpoint(tenant, good)
    with receiver() as second:
        endpoint(tenant, second)
        succeed(tenant)
        assert good.wait_for(1)[0].message_id == second.wait_for(1)[0].message_id


# Cursors: nothing missed, nothing twice


def test_an_event_that_is_committed_late_is_not_skipped(tenant: Tenant, good: Receiver) -> None:
    endpoint(tenant, good)
    early, slow = succeed(tenant), take(submit(tenant))
    begun, go_on = threading.Event(), threading.Event()

    def commit_late() -> None:
        with transaction.atomic():
            cancel_job(tenant_id=tenant.id, job_id=slow.id)
            Event.objects.create(job_id=slow.id, tenant=tenant, number=1, name="job.failed")
            begun.set()
            go_on.wait(10)
        connections.close_all()

    thread = threading.Thread(target=commit_late)
    thread.start()
    assert begun.wait(10)
    quick = succeed(tenant)
    fan_out()
    assert only().job == early  # what came later waits for what began before it
    go_on.set()
    thread.join()
    fan_out()
    assert set(Delivery.objects.values_list("job", flat=True)) == {early, slow.id, quick}


def test_two_dispatchers_take_up_each_event_once(tenant: Tenant, good: Receiver) -> None:
    for _ in range(3):
        endpoint(tenant, good)
    jobs = [succeed(tenant) for _ in range(20)]

    def look(_: int) -> None:
        for _ in range(5):
            fan_out()

    at_once(4, look)
    assert Delivery.objects.count() == 3 * len(jobs)


def test_a_look_that_fails_moves_no_cursor(
    tenant: Tenant, good: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint(tenant, good)
    succeed(tenant)

    with monkeypatch.context() as patch:
        patch.setattr("jobs.webhooks.fanning.MOVE", Statement("cut", MOVE.types, "SELECT $2 / 0"))
        with pytest.raises(DataError):
            fan_out()
    assert not Delivery.objects.exists()
    fan_out()
    assert Delivery.objects.count() == 1


def test_a_long_line_of_events_is_taken_up_in_bites(
    tenant: Tenant, good: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.webhooks.fanning.BITE", 3)
    endpoint(tenant, good)
    jobs = [succeed(tenant) for _ in range(7)]
    looks = [fan_out() for _ in range(3)]
    assert looks == [True, True, False]
    assert set(Delivery.objects.values_list("job", flat=True)) == set(jobs)


# Leases


def test_what_one_sender_has_no_other_takes(tenant: Tenant, good: Receiver) -> None:
    endpoint(tenant, good)
    succeed(tenant)
    fan_out()
    (mine,) = claim_due([])
    assert claim_due([]) == []
    Delivery.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1))  # its lease is over
    (again,) = claim_due([])
    assert again.letter.message_id == mine.letter.message_id
    note_answers([(mine, Answer(500))])
    assert (only().state, only().tried) == ("pending", 0)  # the late one changes nothing
    note_answers([(again, Answer(204))])
    assert (only().state, only().tried) == ("delivered", 1)


def test_what_is_due_to_an_endpoint_that_is_off_is_held(tenant: Tenant, good: Receiver) -> None:
    made = endpoint(tenant, good)
    succeed(tenant)
    fan_out()
    endpoints.change_endpoint(made, active=False)
    assert claim_due([]) == []
    endpoints.change_endpoint(made, active=True)
    assert len(claim_due([])) == 1


def test_claims_keep_to_the_bounds_of_receiver_tenant_and_all(
    tenant: Tenant, good: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_SENDERS, settings.WEBHOOK_PER_RECEIVER = 8, 1
    for _ in range(3):
        endpoint(tenant, good)
    others = [make_tenant(f"t{number}") for number in range(7)]
    for other in others:
        endpoint(other, good)
    for owner in (tenant, *others):
        for _ in range(3):
            succeed(owner)
    fan_out()
    claimed = claim_due([])
    assert len(claimed) == 8
    assert len({one.lane for one in claimed}) == 8
    assert sum(one.tenant_id == tenant.id for one in claimed) <= 2
    assert claim_due(claimed) == []
    assert len(claim_due(claimed[:-1])) == 1
