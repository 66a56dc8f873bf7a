"""Webhooks in the admin: what fails is seen and why, and can be tested, switched and sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.urls import reverse

from jobs.services.claims import finish_job
from jobs.states import State
from jobs.webhooks.models import Delivery, Endpoint
from tests.conftest import make_tenant
from tests.ledger import CHARGE, bring_to, submit, take
from tests.sample_place import deliver, make_webhooks

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _told(transactional_db: None) -> None:
    """Three jobs have ended, and each endpoint has answered in its way."""
    tenant = make_tenant("acme")
    make_webhooks(tenant)
    bring_to(tenant, State.FAILED)
    for number in range(2):
        take_and_finish(tenant, number)
    deliver()


def take_and_finish(tenant: Tenant, number: int) -> None:
    job = take(submit(tenant))
    assert finish_job(job, result={"sha256": f"{number:064}"}, charge=CHARGE)


def page(client: Client, row: Endpoint | Delivery) -> str:
    kind = row._meta.model_name
    return client.get(reverse(f"admin:jobs_{kind}_change", args=[row.pk])).content.decode()


def press(client: Client, what: str, row: Endpoint | Delivery) -> str:
    path = reverse(f"admin:jobs_{row._meta.model_name}_{what}", args=[row.pk])
    answer = client.post(path, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def endpoint(description: str) -> Endpoint:
    return Endpoint.objects.get(description=description)


def delivered() -> Delivery:
    return Delivery.objects.filter(state="delivered").latest("id")


def test_an_endpoint_that_was_switched_off_says_why(admin_client: Client) -> None:
    shown = page(admin_client, endpoint("the old shop"))
    assert "It said that it is gone (410)" in shown
    assert "switched off: gone" in shown
    listed = admin_client.get(reverse("admin:jobs_endpoint_changelist")).content.decode()
    assert "switched off" in listed
    assert "failing" in listed


def test_no_page_shows_a_secret(admin_client: Client) -> None:
    rows: list[Any] = [*Endpoint.objects.all(), delivered()]
    shown = "".join(page(admin_client, row) for row in rows)
    assert "whsec_" not in shown
    assert all(one.secret[6:] not in shown for one in Endpoint.objects.all())


def test_a_delivery_shows_what_was_sent_and_what_came_back(admin_client: Client) -> None:
    failing = Delivery.objects.filter(state="pending", tried=1).latest("id")
    shown = page(admin_client, failing)
    for words in ("503", "&lt;h1&gt;Service unavailable", "2.3 s", failing.message_id, "again in"):
        assert words in shown, words
    succeeded = Delivery.objects.filter(name="job.succeeded")[0]
    assert "&quot;audio_url&quot;" in page(admin_client, succeeded)


def test_an_endpoint_is_switched_off_and_on(admin_client: Client) -> None:
    shop = endpoint("web shop")
    assert "Switched off." in press(admin_client, "switch", shop)
    shop.refresh_from_db()
    assert (shop.active, shop.disabled_reason) == (False, "by_hand")
    press(admin_client, "test", shop)
    assert not Delivery.objects.filter(name="webhook.test").exists()
    assert "Switched on." in press(admin_client, "switch", shop)
    shop.refresh_from_db()
    assert shop.active
    assert LogEntry.objects.filter(object_id=str(shop.id)).count() == 2


def test_a_test_is_sent(admin_client: Client) -> None:
    assert "The test is on its way." in press(admin_client, "test", endpoint("web shop"))
    assert Delivery.objects.get(name="webhook.test").state == "pending"


def test_a_delivery_is_sent_again(admin_client: Client) -> None:
    sent = delivered()
    assert "It is on its way again." in press(admin_client, "replay", sent)
    sent.refresh_from_db()
    assert (sent.state, sent.tried, len(sent.tries)) == ("pending", 0, 1)


def test_one_of_an_endpoint_that_is_off_is_not_sent_again(admin_client: Client) -> None:
    gone = Delivery.objects.filter(endpoint=endpoint("the old shop"), state="failed").latest("id")
    assert "This webhook is switched off" in press(admin_client, "replay", gone)
    gone.refresh_from_db()
    assert gone.state == "failed"


def test_several_are_sent_again_together(admin_client: Client) -> None:
    chosen = [str(one.pk) for one in Delivery.objects.filter(state="delivered")[:3]]
    form = {"action": "replay_selected", "_selected_action": chosen}
    admin_client.post(reverse("admin:jobs_delivery_changelist"), form)
    assert set(Delivery.objects.filter(pk__in=chosen).values_list("state", flat=True)) == {
        "pending"
    }


@pytest.mark.parametrize("what", ["test", "switch", "replay"])
def test_who_may_only_look_changes_nothing_and_a_link_does_not_either(
    client: Client, admin_client: Client, what: str
) -> None:
    row = delivered() if what == "replay" else endpoint("web shop")
    path = reverse(f"admin:jobs_{row._meta.model_name}_{what}", args=[row.pk])
    assert admin_client.get(path).status_code == 405
    client.force_login(User.objects.create_user("looker", is_staff=True))
    assert client.post(path).status_code == 403
    row.refresh_from_db()
    assert row == (delivered() if what == "replay" else endpoint("web shop"))
    assert not Delivery.objects.filter(name="webhook.test").exists()


@pytest.mark.parametrize("query", ["state=failed", "state=pending", "state=delivered"])
def test_deliveries_are_filtered(admin_client: Client, query: str) -> None:
    answer = admin_client.get(f"{reverse('admin:jobs_delivery_changelist')}?{query}")
    found = answer.context["cl"].result_list
    assert {one.state for one in found} == {query.partition("=")[2]}
