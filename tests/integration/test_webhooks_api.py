"""Webhooks over REST: endpoints, secrets, deliveries, and the address of one request."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from jobs.models import Job
from jobs.services.endings import cancel_job
from jobs.states import State
from jobs.webhooks import endpoints
from jobs.webhooks.events import ENDINGS
from jobs.webhooks.fanning import fan_out
from jobs.webhooks.models import Delivery, Endpoint
from tests.conftest import make_tenant
from tests.ledger import bring_to
from tests.receivers import hostile_urls
from tests.speech import BULK, JOBS, SYNTHESIZE, keyed, post, problem_of, speak

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

HOOKS = "/api/v1/webhooks"
DELIVERIES = f"{HOOKS}/deliveries"
URL = "http://127.0.0.1:9/in"
SPEECH = {"text": "Hello.", "voice": "tester"}


@pytest.fixture
def here(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]


def create(client: Client, **fields: Any) -> dict[str, Any]:
    answer = post(client, HOOKS, {"url": URL} | fields)
    assert answer.status_code == 201, answer.json()
    made: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{HOOKS}/{made['id']}"
    return made


def change(client: Client, made: dict[str, Any], **fields: Any) -> Any:
    return client.patch(f"{HOOKS}/{made['id']}", fields, content_type="application/json")


def test_an_endpoint_is_made_shown_changed_and_deleted(api: Client, here: None) -> None:
    made = create(api, description="web shop")
    assert made["secret"].startswith("whsec_")
    assert made["events"] == list(ENDINGS)
    shown = {name: made[name] for name in made.keys() - {"secret", "old_secret_until"}}
    assert api.get(f"{HOOKS}/{made['id']}").json() == shown
    assert api.get(HOOKS).json() == [shown]
    fields = {"url": "http://127.0.0.2/", "events": ["job.progress", "job.failed"]}
    changed = change(api, made, **fields, description="").json()
    assert changed == shown | fields | {"events": ["job.failed", "job.progress"], "description": ""}
    assert api.delete(f"{HOOKS}/{made['id']}").status_code == 204
    assert problem_of(api.get(f"{HOOKS}/{made['id']}")) == (404, "webhook_not_found")
    assert api.get(HOOKS).json() == []


def test_it_is_switched_off_and_on(api: Client, here: None) -> None:
    made = create(api)
    off = change(api, made, active=False).json()
    assert (off["active"], off["disabled_reason"]) == (False, "by_hand")
    assert problem_of(api.post(f"{HOOKS}/{made['id']}/test")) == (409, "webhook_inactive")
    on = change(api, made, active=True).json()
    assert (on["active"], on["disabled_reason"]) == (True, "")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": URL, "events": []},
        {"url": URL, "events": ["job.done"]},
        {"url": URL, "events": ["voice.gone"]},
        {"url": URL, "events": "job.failed"},
        {"url": URL, "evnts": ["job.failed"]},
        {"url": URL, "description": "x" * 201},
        {"url": URL, "active": False},
        {"url": 7.5, "secret": "whsec_mine"},
        [URL],
    ],
)
def test_a_body_that_is_not_as_it_should_be_is_refused(api: Client, here: None, body: Any) -> None:
    assert problem_of(post(api, HOOKS, body)) == (400, "invalid_request")


def test_a_hostile_address_is_refused_for_a_new_endpoint_and_for_a_changed_one(
    api: Client, here: None, settings: Settings
) -> None:
    made = create(api)
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    for url in hostile_urls():
        assert problem_of(post(api, HOOKS, {"url": url})) == (422, "webhook_url_refused")
        assert problem_of(change(api, made, url=url)) == (422, "webhook_url_refused")
    assert api.get(f"{HOOKS}/{made['id']}").json()["url"] == URL


def test_a_tenant_has_so_many_and_no_more(
    api: Client, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "MOST", 2)
    create(api)
    create(api)
    assert problem_of(post(api, HOOKS, {"url": URL})) == (409, "too_many_webhooks")


def test_a_rotated_secret_is_shown_once_and_the_old_one_has_a_day(api: Client, here: None) -> None:
    made = create(api)
    rotated = api.post(f"{HOOKS}/{made['id']}/rotate").json()
    assert rotated["secret"] != made["secret"]
    assert (made["old_secret_until"], bool(rotated["old_secret_until"])) == (None, True)
    assert rotated["secret"] not in api.get(HOOKS).content.decode()


def test_the_signing_secret_of_requests_is_one_and_can_be_rotated(api: Client) -> None:
    first = api.get(f"{HOOKS}/signing-secret").json()
    assert api.get(f"{HOOKS}/signing-secret").json() == first
    rotated = api.post(f"{HOOKS}/signing-secret/rotate").json()
    assert rotated["secret"] != first["secret"]
    assert api.get(f"{HOOKS}/signing-secret").json() == rotated
    assert api.get(HOOKS).json() == []  # it is no endpoint of the tenant's making
    own = Endpoint.objects.get()
    assert problem_of(api.delete(f"{HOOKS}/{own.id}")) == (404, "webhook_not_found")


def test_a_test_and_its_delivery_are_seen(api: Client, here: None) -> None:
    made = create(api)
    answer = api.post(f"{HOOKS}/{made['id']}/test")
    assert answer.status_code == 202
    sent = answer.json()
    assert (sent["type"], sent["state"], sent["webhook"]) == ("webhook.test", "pending", made["id"])
    assert api.get(f"{DELIVERIES}/{sent['id']}").json() == sent


def test_deliveries_are_listed_newest_first_and_filtered(
    api: Client, tenant: Tenant, here: None
) -> None:
    made, other = create(api), create(api)
    jobs = [bring_to(tenant, State.SUCCEEDED) for _ in range(3)]
    fan_out()
    Delivery.objects.filter(job=jobs[0]).update(state="failed")
    listed = api.get(DELIVERIES).json()["results"]
    assert len(listed) == 6
    assert [one["id"] for one in listed] == sorted((one["id"] for one in listed), reverse=True)

    def found(query: str) -> int:
        return len(api.get(f"{DELIVERIES}?{query}").json()["results"])

    assert [found(f"webhook={made['id']}"), found(f"webhook={other['id']}")] == [3, 3]
    assert [found(f"job={jobs[1]}"), found(f"job={uuid4()}")] == [2, 0]
    assert [found("state=failed"), found("state=pending"), found("state=delivered")] == [2, 4, 0]
    assert found(f"state=failed&webhook={made['id']}&job={jobs[0]}") == 1
    for query in ("state=done", "job=7", "webhook=x", "job="):
        assert problem_of(api.get(f"{DELIVERIES}?{query}")) == (400, "invalid_request")
    page = api.get(f"{DELIVERIES}?limit=4").json()
    assert len(api.get(page["next"]).json()["results"]) == 2


def test_a_replay_is_due_at_once_and_one_on_its_way_stays_there(
    api: Client, tenant: Tenant, here: None
) -> None:
    create(api)
    bring_to(tenant, State.SUCCEEDED)
    fan_out()
    sent = Delivery.objects.get()
    Delivery.objects.update(state="failed", tried=10, tries=[{"status": 500}])
    answer = api.post(f"{DELIVERIES}/{sent.id}/replay")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    assert answer.json()["tries"] == [{"status": 500}]
    before = Delivery.objects.get().due_at
    assert api.post(f"{DELIVERIES}/{sent.id}/replay").status_code == 202
    assert Delivery.objects.get().due_at == before


def test_tenants_see_nothing_of_each_others_webhooks(
    api: Client, tenant: Tenant, here: None
) -> None:
    made = create(api)
    sent = api.post(f"{HOOKS}/{made['id']}/test").json()
    stranger = keyed(make_tenant("stranger"))
    assert stranger.get(HOOKS).json() == []
    assert stranger.get(DELIVERIES).json()["results"] == []
    assert stranger.get(f"{DELIVERIES}?webhook={made['id']}").json()["results"] == []
    gone = (404, "webhook_not_found")
    assert problem_of(stranger.get(f"{HOOKS}/{made['id']}")) == gone
    assert problem_of(change(stranger, made, active=False)) == gone
    assert problem_of(stranger.delete(f"{HOOKS}/{made['id']}")) == gone
    assert problem_of(stranger.post(f"{HOOKS}/{made['id']}/rotate")) == gone
    assert problem_of(stranger.post(f"{HOOKS}/{made['id']}/test")) == gone
    none = (404, "delivery_not_found")
    assert problem_of(stranger.get(f"{DELIVERIES}/{sent['id']}")) == none
    assert problem_of(stranger.post(f"{DELIVERIES}/{sent['id']}/replay")) == none
    signing = f"{HOOKS}/signing-secret"
    assert stranger.get(signing).json()["secret"] != api.get(signing).json()["secret"]


def test_reading_needs_one_scope_and_changing_and_secrets_the_other(
    api: Client, tenant: Tenant, here: None
) -> None:
    made = create(api)
    reader = keyed(tenant, scopes=["webhooks:read", "jobs:read", "jobs:write"])
    writer = keyed(tenant, scopes=["webhooks:write"])
    refused = (403, "scope_missing")
    for path in (HOOKS, f"{HOOKS}/{made['id']}", DELIVERIES):
        assert reader.get(path).status_code == 200
        assert problem_of(writer.get(path)) == refused
    assert problem_of(post(reader, HOOKS, {"url": URL})) == refused
    assert problem_of(change(reader, made, active=False)) == refused
    assert problem_of(reader.get(f"{HOOKS}/signing-secret")) == refused
    assert writer.get(f"{HOOKS}/signing-secret").status_code == 200
    for what in ("rotate", "test"):
        assert problem_of(reader.post(f"{HOOKS}/{made['id']}/{what}")) == refused


# The address of one request


def test_a_request_names_an_address_that_hears_of_its_end(
    api: Client, tenant: Tenant, here: None
) -> None:
    job = post(api, SYNTHESIZE, SPEECH | {"webhook_url": URL}).json()
    assert job["request"]["webhook_url"] == URL
    other = post(api, SYNTHESIZE, SPEECH | {"text": "Another."}).json()
    for one in (job, other):
        cancel_job(tenant_id=tenant.id, job_id=one["id"])
    fan_out()
    (sent,) = api.get(DELIVERIES).json()["results"]
    assert (sent["job"], sent["url"], sent["webhook"]) == (job["id"], URL, None)
    assert "Hello" not in sent["body"]


def test_a_request_that_is_done_as_it_is_accepted_is_told_of_as_well(
    api: Client, tenant: Tenant, here: None
) -> None:
    speak(post(api, SYNTHESIZE, SPEECH).json()["id"])
    answer = post(api, SYNTHESIZE, SPEECH | {"webhook_url": URL})
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
    fan_out()
    sent = Delivery.objects.get()
    assert str(sent.job) == answer.json()["id"]
    assert '"audio_url":"http' in sent.body


def test_each_item_of_a_bulk_request_may_name_its_own(
    api: Client, tenant: Tenant, here: None
) -> None:
    bad = "http://10.0.0.1/"
    items = [SPEECH | {"webhook_url": url} for url in (URL, bad)] + [SPEECH | {"text": "Third."}]
    lines = post(api, BULK, {"items": items}).json()["items"]
    assert [line.get("error", {}).get("code") for line in lines] == [
        None,
        "webhook_url_refused",
        None,
    ]
    for line in (lines[0], lines[2]):
        cancel_job(tenant_id=tenant.id, job_id=line["id"])
    fan_out()
    assert [str(sent.job) for sent in Delivery.objects.all()] == [lines[0]["id"]]


def test_a_hostile_address_is_refused_before_anything_is_accepted(api: Client) -> None:
    for url in hostile_urls():
        answer = post(api, SYNTHESIZE, SPEECH | {"webhook_url": url})
        assert problem_of(answer) == (422, "webhook_url_refused"), url
    assert not Job.objects.exists()
    for nothing in ("", None, ["https://example.com/"]):
        answer = post(api, SYNTHESIZE, SPEECH | {"webhook_url": nothing})
        assert answer.status_code == 400


def test_an_address_does_not_make_another_render(api: Client, here: None) -> None:
    jobs = [post(api, SYNTHESIZE, SPEECH | more).json() for more in ({}, {"webhook_url": URL})]
    plans = [Job.objects.get(id=job["id"]).plan[0]["binding"]["render"] for job in jobs]
    assert plans[0] == plans[1]
    assert [job["state"] for job in jobs] == ["queued", "waiting"]


def test_a_retry_keeps_the_address(api: Client, tenant: Tenant, here: None) -> None:
    job = post(api, SYNTHESIZE, SPEECH | {"webhook_url": URL}).json()
    cancel_job(tenant_id=tenant.id, job_id=job["id"])
    again = api.post(f"{JOBS}/{job['id']}/retry").json()
    assert again["request"]["webhook_url"] == URL
