"""Events that are of no job: a tenant that comes up against a limit is told, once an hour."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from standardwebhooks import Webhook

from jobs.limits import ReachedLimits
from jobs.models import Event, Notice
from jobs.services.notices import LIMIT_AGAIN, tell_limit_reached, tell_tenant
from jobs.states import State
from jobs.sweeps import forget_events
from tenants.services import issue_key
from tests.conftest import make_tenant
from tests.ledger import ago, at_once, bring_to, eventually
from tests.speech import SYNTHESIZE, problem_of
from tests.sse import EVENTS, following
from tests.webhooks import endpoint, settled

if TYPE_CHECKING:
    import httpx
    from pytest_django import Settings

    from tenants.models import Tenant
    from tests.live import Server
    from tests.receivers import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = "unfinished_jobs"


def told(tenant: Tenant) -> list[dict[str, object]]:
    return list(Event.objects.filter(tenant=tenant, job=None).values_list("data", flat=True))


def test_whoever_is_refused_for_a_limit_hears_of_it_by_stream_and_webhook(
    quick_server: Server, tenant: Tenant, speech: None, good: Receiver, postman: None
) -> None:
    made = endpoint(tenant, good, events=["limit.reached"])
    tenant.max_queued = 1
    tenant.save()
    token = issue_key(tenant=tenant, name="tests").token
    with quick_server.client(token) as live, following(live) as stream:
        stream.begin()
        assert live.post(SYNTHESIZE, json={"text": "One.", "voice": "tester"}).status_code == 202
        for text in ("Two.", "Three."):
            answer = live.post(SYNTHESIZE, json={"text": text, "voice": "tester"})
            assert problem_of(answer) == (429, "too_many_jobs")
        (said,) = stream.take(1)
    assert said.name == "limit.reached"
    assert {"limit": LIMIT, "most": 1}.items() <= said.data.items()
    (got,) = good.wait_for(1)
    Webhook(made.secret).verify(got.body, got.headers)
    body = json.loads(got.body)
    assert (body["type"], body["data"]) == ("limit.reached", {"limit": LIMIT, "most": 1})


def test_it_is_told_once_an_hour_by_however_many_processes(tenant: Tenant) -> None:
    assert sum(at_once(4, lambda _: tell_limit_reached(tenant.id, LIMIT, 5))) == 1
    assert not tell_limit_reached(tenant.id, LIMIT, 6)
    assert tell_limit_reached(tenant.id, "voices", 3)
    Notice.objects.filter(subject=LIMIT).update(at=ago(seconds=LIMIT_AGAIN.total_seconds() + 1))
    assert tell_limit_reached(tenant.id, LIMIT, 6)
    assert [one["most"] for one in told(tenant)] == [5, 3, 6]


def test_another_tenant_hears_nothing_of_it(live: httpx.Client, tenant: Tenant) -> None:
    other = make_tenant("other")
    with following(live) as stream:
        stream.begin()
        assert tell_limit_reached(other.id, LIMIT, 1)
        assert tell_limit_reached(tenant.id, LIMIT, 2)
        assert stream.take(1)[0].data["most"] == 2


def test_a_limit_that_cannot_be_told_now_is_told_later_and_one_of_nobody_never(
    tenant: Tenant,
) -> None:
    limits = ReachedLimits()
    limits.note(uuid4(), LIMIT, 1)
    limits.note(tenant.id, LIMIT, 1)
    rename("jobs_notice", "away")
    try:
        with pytest.raises(DatabaseError):
            limits.tell()
    finally:
        rename("away", "jobs_notice")
    limits.tell()
    assert told(tenant) == [{"limit": LIMIT, "most": 1}]
    assert Event.objects.count() == 1


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


def test_they_stand_in_one_order_with_the_events_of_jobs(
    live: httpx.Client, tenant: Tenant, good: Receiver, postman: None
) -> None:
    endpoint(tenant, good, events=["voice.ready", "job.cancelled"])
    with following(live) as stream, following(live, f"{EVENTS}?kind=nap") as of_kind:
        stream.begin(), of_kind.begin()
        bring_to(tenant, State.CANCELLED)
        tell_tenant(tenant.id, "voice.ready", {"voice": "v1"})
        bring_to(tenant, State.CANCELLED)
        tell_tenant(tenant.id, "voice.ready", {"voice": "v2"})
        names = ["job.cancelled", "voice.ready"] * 2
        assert [said.name for said in stream.take(4)] == names
        assert [said.name for said in of_kind.take(2)] == ["job.cancelled"] * 2
    good.wait_for(4)
    eventually(settled)
    assert sorted(json.loads(got.body)["type"] for got in good.got) == sorted(names)
    assert len({got.headers["webhook-id"] for got in good.got}) == 4


def test_they_are_forgotten_with_age(tenant: Tenant, settings: Settings) -> None:
    settings.EVENTS_KEPT = timedelta(days=1)
    for days in (3, 0):
        tell_tenant(tenant.id, "voice.ready", {"days": days})
        Event.objects.filter(data__days=days).update(at=ago(days=days))
    assert forget_events(dry_run=True) == 1
    assert forget_events() == 1
    assert told(tenant) == [{"days": 0}]
