"""Tenants apart: what is another's is as good as not there, on every address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from jobs.models import Job
from jobs.webhooks.endpoints import create_endpoint, send_test
from tenants.models import Tenant
from tests.conftest import make_tenant
from tests.openapi import generate_schema
from tests.speech import BULK, JOBS, SYNTHESIZE, keyed, make_voice, post, problem_of

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stranger(api: Client) -> Client:
    return keyed(make_tenant("stranger"))


def named_routes() -> list[tuple[str, str, str]]:
    """Every (method, path, name in it) of the OpenAPI file that names one thing."""
    paths = generate_schema()["paths"]
    return [
        (method, path, found[1])
        for path, operations in paths.items()
        if (found := re.search(r"\{(\w+)\}", path))
        for method in operations
    ]


def ids_of(owner: Client) -> dict[str, str]:
    """One thing of the owner's for each name a path may carry."""
    batch = post(owner, BULK, {"items": [{"text": "Hello.", "voice": "tester"}]}).json()
    voice = make_voice("mine", tenant=make_tenant("third"))
    return hook_ids() | {
        "job_id": batch["items"][0]["id"],
        "batch_id": batch["batch_id"],
        "reference": str(voice.id),
    }


def hook_ids() -> dict[str, str]:
    """A webhook, and a test that is to be sent to it."""
    tenant = Tenant.objects.get(slug="acme")
    webhook = create_endpoint(tenant_id=tenant.id, url="https://1.1.1.1/")
    return {"webhook_id": str(webhook.id), "delivery_id": str(send_test(webhook).id)}


def test_every_address_answers_404_to_another_tenants_id(api: Client, stranger: Client) -> None:
    ids = ids_of(api)
    routes = named_routes()
    assert len(routes) >= 8
    for method, path, name in routes:
        address = path.replace(f"{{{name}}}", ids[name])
        answer = getattr(stranger, method)(address)
        assert problem_of(answer)[0] == 404, (method, path)
    assert Job.objects.get().state == "queued"


def test_each_of_these_addresses_knows_the_owner(api: Client) -> None:
    ids = ids_of(api) | {"reference": "tester"}
    for method, path, name in named_routes():
        ids |= hook_ids()  # a route before this one may have deleted them
        answer = getattr(api, method)(path.replace(f"{{{name}}}", ids[name]))
        assert answer.status_code != 404, (method, path)


def test_lists_and_sums_hold_only_ones_own(api: Client, stranger: Client) -> None:
    ids_of(api)
    assert len(api.get(JOBS).json()["results"]) == 1
    assert stranger.get(JOBS).json()["results"] == []
    assert "mine" not in [voice["slug"] for voice in stranger.get("/api/v1/voices").json()]


def test_another_tenants_voice_cannot_be_spoken(stranger: Client) -> None:
    voice = make_voice("theirs", tenant=make_tenant("third"))
    for reference in ("theirs", str(voice.id)):
        answer = post(stranger, SYNTHESIZE, {"text": "Hello.", "voice": reference})
        assert problem_of(answer) == (404, "voice_not_found")


def test_an_own_voice_goes_before_a_stock_voice_of_the_same_name(api: Client) -> None:
    owner = make_tenant("owner")
    own = make_voice("tester", tenant=owner, engines=["journal"])
    job = post(keyed(owner), SYNTHESIZE, {"text": "Hello.", "voice": "tester"}).json()
    assert job["plan"] == [{"engine": "journal", "queue": "cpu"}]
    assert keyed(owner).get("/api/v1/voices/tester").json()["id"] == str(own.id)


def test_the_same_text_of_two_tenants_is_two_renders(api: Client, stranger: Client) -> None:
    body = {"text": "Hello.", "voice": "tester"}
    renders = set()
    for client in (api, stranger):
        job = Job.objects.get(id=post(client, SYNTHESIZE, body).json()["id"])
        renders.add(job.plan[0]["binding"]["render"])
        assert job.state == "queued"
    assert len(renders) == 2


def test_idempotency_keys_are_each_tenants_own(api: Client, stranger: Client) -> None:
    body = {"text": "Hello.", "voice": "tester"}
    first = post(api, SYNTHESIZE, body, Idempotency_Key="k")
    second = post(stranger, SYNTHESIZE, body | {"text": "Other."}, Idempotency_Key="k")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] != second.json()["id"]
