"""Tenants apart: lists, voices, renders and idempotency keys are each tenant's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.models import Job
from tests.conftest import make_tenant
from tests.speech import BULK, JOBS, SYNTHESIZE, keyed, make_voice, post, problem_of

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stranger(api: Client) -> Client:
    return keyed(make_tenant("stranger"))


def test_lists_and_sums_hold_only_ones_own(api: Client, stranger: Client) -> None:
    post(api, BULK, {"items": [{"text": "Hello.", "voice": "tester"}]})
    make_voice("mine", tenant=make_tenant("third"))
    assert len(api.get(JOBS).json()["results"]) == 1
    assert stranger.get(JOBS).json()["results"] == []
    seen = [voice["slug"] for voice in stranger.get("/api/v1/voices").json()]
    assert "tester" in seen
    assert not [slug for slug in seen if slug.startswith("mine")]


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
