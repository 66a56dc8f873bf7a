"""Webhooks and receivers that fail, hang, or want a message again; and secrets that change."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from standardwebhooks import Webhook, WebhookVerificationError

from jobs.webhooks import deliveries, endpoints
from jobs.webhooks.deliveries import claim_due, note_answers
from jobs.webhooks.fanning import fan_out
from jobs.webhooks.models import Delivery, Endpoint
from jobs.webhooks.sending import Answer
from jobs.webhooks.sweeps import forget_deliveries
from tests.conftest import make_tenant
from tests.ledger import eventually
from tests.receivers import Reply, receiver
from tests.webhooks import a_postman, endpoint, only, settled, succeed, told

if TYPE_CHECKING:
    from tenants.models import Tenant
    from tests.receivers import Receiver

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quick_webhooks"),
]


# Receivers that fail


def test_a_receiver_that_fails_thirty_percent_hears_everything_once_each_id(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    endpoint(tenant, good)
    good.answer = lambda number: Reply(500 if number % 10 in {1, 4, 8} else 200)
    jobs = [succeed(tenant) for _ in range(100)]
    eventually(lambda: len(set(good.ids())) == len(jobs) and settled(), 20)
    assert Delivery.objects.filter(state="delivered").count() == len(jobs)
    assert len(good.ids()) > len(jobs)
    first = Delivery.objects.filter(tried__gt=1).first()
    assert first is not None
    assert [one["status"] for one in first.tries][-2:] == [500, 200]


def test_after_ten_tries_a_message_is_given_up(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    made = endpoint(tenant, good)
    good.answer = lambda _: Reply(503, body=b"later")
    succeed(tenant)
    eventually(lambda: only().state == "failed" if Delivery.objects.exists() else None, 20)
    tries = only().tries
    assert (only().tried, len(tries), len(set(good.ids()))) == (10, 10, 1)
    assert {(one["status"], one["answer"]) for one in tries} == {(503, "later")}
    assert tries[-1]["next_in_seconds"] is None
    made.refresh_from_db()
    assert made.active
    assert made.failing_since is not None


def test_a_wish_to_wait_is_honoured(tenant: Tenant, good: Receiver, postman: None) -> None:
    endpoint(tenant, good)
    good.answer = lambda number: Reply(429, {"Retry-After": "2"}) if number == 0 else Reply()
    succeed(tenant)
    good.wait_for(1)
    begun = time.monotonic()
    good.wait_for(2)
    assert 1.7 < time.monotonic() - begun < 4


def test_one_that_is_gone_is_switched_off_at_once(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    made = endpoint(tenant, good)
    good.answer = lambda _: Reply(410)
    succeed(tenant)
    eventually(lambda: not Endpoint.objects.get().active)
    made.refresh_from_db()
    assert made.disabled_reason == "gone"
    assert made.history[-1]["what"] == "switched off: gone"
    assert (only().state, only().tried) == ("failed", 1)
    succeed(tenant)
    time.sleep(0.6)
    assert len(good.got) == 1


def test_one_that_fails_for_days_is_switched_off_and_a_success_begins_the_days_anew(
    tenant: Tenant, good: Receiver
) -> None:
    made = endpoint(tenant, good)
    for answer, days, active in ((500, 4, True), (200, 6, True), (500, 0, True), (None, 6, False)):
        Endpoint.objects.filter(failing_since__isnull=False).update(
            failing_since=datetime.now(UTC) - timedelta(days=days)
        )
        succeed(tenant)
        fan_out()
        (claimed,) = claim_due([])
        note_answers([(claimed, Answer(answer))])
        Delivery.objects.all().delete()
        made.refresh_from_db()
        assert made.active is active, answer
        assert (made.failing_since is None) is (answer == 200)
    assert (made.disabled_reason, made.history[-1]["what"]) == ("failing", "switched off: failing")


def test_an_address_of_one_request_that_is_gone_switches_nothing_off(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    own = endpoints.own_endpoint(tenant.id)
    good.answer = lambda _: Reply(410)
    succeed(tenant, webhook_url=good.url)
    eventually(lambda: only().state == "failed" if Delivery.objects.exists() else None)
    own.refresh_from_db()
    assert own.active
    assert len(good.got) == 1


def test_a_hanging_receiver_delays_nobody_else(tenant: Tenant, good: Receiver) -> None:
    others = make_tenant("others")
    with receiver(lambda _: Reply(hangs=True)) as hanging:
        endpoint(tenant, hanging)
        for _ in range(30):
            succeed(tenant)
        with a_postman():
            hanging.wait_for(8)
            endpoint(others, good)
            endpoint(tenant, good)
            begun = time.monotonic()
            succeed(others)
            succeed(tenant)
            good.wait_for(2)
            assert time.monotonic() - begun < 1.0
            assert len(hanging.got) == 8  # its bound


def test_a_receiver_that_hangs_for_one_request_delays_none_of_the_others(
    tenant: Tenant, good: Receiver
) -> None:
    endpoints.own_endpoint(tenant.id)
    with receiver(lambda _: Reply(hangs=True), host="127.0.0.2") as hanging:
        for _ in range(20):
            succeed(tenant, webhook_url=hanging.url)
        with a_postman():
            hanging.wait_for(8)
            own = succeed(tenant, webhook_url=good.url)
            good.wait_for(1, 1.0)
            assert len(hanging.got) == 8
    assert told(good) == [("job.succeeded", str(own))]


# Secrets, tests, replays


def test_while_a_secret_rotates_both_sign_and_after_a_day_one_does(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    made = endpoint(tenant, good)
    old = made.secret
    endpoints.rotate_secret(made)
    assert made.secret != old
    succeed(tenant)
    (got,) = good.wait_for(1)
    for secret in (old, made.secret):
        Webhook(secret).verify(got.body, got.headers)
    assert made.old_secret_until is not None
    assert timedelta(hours=23) < made.old_secret_until - datetime.now(UTC) < timedelta(hours=25)
    Endpoint.objects.update(old_secret_until=datetime.now(UTC))
    succeed(tenant)
    got = good.wait_for(2)[1]
    Webhook(made.secret).verify(got.body, got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(got.body, got.headers)


def test_a_test_is_sent_whatever_the_filter(tenant: Tenant, good: Receiver, postman: None) -> None:
    made = endpoint(tenant, good, events=["job.failed"])
    endpoints.send_test(made)
    (got,) = good.wait_for(1)
    assert Webhook(made.secret).verify(got.body, got.headers)["type"] == "webhook.test"


def test_a_replay_sends_the_same_message_again(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    endpoint(tenant, good)
    succeed(tenant)
    good.wait_for(1)
    eventually(lambda: only().state == "delivered")
    deliveries.replay(only())
    first, second = good.wait_for(2)
    assert (first.message_id, first.body) == (second.message_id, second.body)
    eventually(lambda: only().state == "delivered")
    assert len(only().tries) == 2


def test_a_message_that_was_given_up_is_replayed_with_all_its_tries(
    tenant: Tenant, good: Receiver
) -> None:
    endpoint(tenant, good)
    succeed(tenant)
    fan_out()
    Delivery.objects.update(state="failed", tried=10)
    deliveries.replay(only())
    (claimed,) = claim_due([])
    assert claimed.tried == 0


def test_a_message_follows_its_endpoint_to_a_new_address(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    with receiver(lambda _: Reply(500)) as broken:
        made = endpoint(tenant, broken)
        succeed(tenant)
        broken.wait_for(1)
        endpoints.change_endpoint(made, url=good.url)
        assert good.wait_for(1)[0].message_id == broken.ids()[0]


def test_old_deliveries_are_swept(tenant: Tenant, good: Receiver) -> None:
    endpoint(tenant, good)
    for _ in range(3):
        succeed(tenant)
    fan_out()
    old = datetime.now(UTC) - timedelta(days=31)
    ids = Delivery.objects.values_list("id", flat=True)[:2]
    Delivery.objects.filter(id__in=list(ids)).update(created_at=old)
    assert forget_deliveries(dry_run=True) == forget_deliveries() == 2
    assert Delivery.objects.count() == 1


def test_a_postman_outlives_a_broken_connection(
    tenant: Tenant, good: Receiver, postman: None
) -> None:
    endpoint(tenant, good)
    succeed(tenant)
    good.wait_for(1)
    eventually(hang_up)
    succeed(tenant)
    good.wait_for(2)


def hang_up() -> int:
    """The server ends the postman's session."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'EXECUTE deliveries_due%%'"
        )
        return int(cursor.rowcount)
