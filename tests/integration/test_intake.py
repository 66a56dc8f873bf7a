"""Requests that come at one time: accepted together, each answered for itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.db import connection

from jobs.models import Edge, Job
from jobs.services.endings import cancel_job
from jobs.states import Bond
from tenants.services import create_tenant, issue_key
from tests.speech import speak
from voices.api.answers import Post, Reply, answer_all
from voices.models import Render

if TYPE_CHECKING:
    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def token(tenant: Tenant, speech: None) -> str:
    return issue_key(tenant=tenant, name="tests").token


def post(token: str, text: str = "Good morning.", key: str | None = None, **asked: Any) -> Post:
    body = json.dumps({"text": text, "voice": "tester", **asked}).encode()
    return Post(body, "application/json", f"Bearer {token}", key)


def told(reply: Reply) -> tuple[int, str]:
    """Its status, and the state or the code it tells."""
    body = json.loads(reply.body)
    return reply.status, body.get("state") or body["code"]


def job_of(reply: Reply) -> str:
    return str(json.loads(reply.body)["id"])


def test_what_is_wrong_with_one_is_no_others_trouble(token: str, tenant: Tenant) -> None:
    reader = issue_key(tenant=tenant, name="r", scopes=["jobs:read"]).token
    posts = [
        post(token, "First."),
        post(token, " "),
        Post(b"{", "application/json", f"Bearer {token}"),
        post(token, voice="nobody"),
        post("vm_no_key"),
        Post(b"{}", "application/json"),
        post(reader),
        Post(b"text", "text/plain", f"Bearer {token}"),
        post(token, "x" * 6000),
        post(token, key="bad\nkey"),
        post(token, "Last."),
    ]
    assert [told(reply) for reply in answer_all(posts)] == [
        (202, "queued"),
        (422, "text_empty"),
        (400, "parse_error"),
        (404, "voice_not_found"),
        (401, "key_refused"),
        (401, "not_authenticated"),
        (403, "scope_missing"),
        (415, "unsupported_media_type"),
        (413, "text_too_long"),
        (400, "invalid_request"),
        (202, "queued"),
    ]
    spoken = Job.objects.order_by("id").values_list("request__text", flat=True)
    assert list(spoken) == ["First.", "Last."]


def test_who_has_no_key_is_told_how_to_show_one() -> None:
    [reply] = answer_all([Post(b"{}")])
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="voicemill"'


def test_answers_come_in_the_order_of_the_requests(token: str) -> None:
    texts = [f"Number {n}." for n in range(20)]
    replies = answer_all([post(token, text) for text in texts])
    shown = [json.loads(reply.body) for reply in replies]
    assert [job["request"]["text"] for job in shown] == texts
    assert [reply.headers["Location"] for reply in replies] == [
        f"/api/v1/jobs/{job['id']}" for job in shown
    ]


def test_one_text_twice_is_spoken_once(token: str) -> None:
    replies = answer_all([post(token), post(token)])
    assert [told(reply) for reply in replies] == [(202, "queued"), (202, "waiting")]
    edge = Edge.objects.get()
    assert (str(edge.awaited_id), str(edge.waiter_id)) == (job_of(replies[0]), job_of(replies[1]))
    assert edge.bond == Bond.SAME


def test_where_a_maker_failed_the_next_makes_it_and_others_wait_on_that_one(
    token: str, tenant: Tenant
) -> None:
    failed = job_of(answer_all([post(token)])[0])
    cancel_job(tenant_id=tenant.id, job_id=UUID(failed))
    heir, waiter = answer_all([post(token), post(token)])
    assert (told(heir), told(waiter)) == ((202, "queued"), (202, "waiting"))
    assert str(Render.objects.get().job_id) == job_of(heir)


def test_one_key_twice_is_one_job(token: str) -> None:
    replies = answer_all([post(token, key="k"), post(token, "Other."), post(token, key="k")])
    assert job_of(replies[0]) == job_of(replies[2]) != job_of(replies[1])
    assert [reply.headers.get("Idempotent-Replayed") for reply in replies] == [None, None, "true"]
    assert Job.objects.count() == 2


def test_one_key_with_two_bodies_is_the_seconds_conflict(token: str) -> None:
    replies = answer_all(
        [post(token, "One.", key="k"), post(token, "Two.", key="k"), post(token, "Three.")]
    )
    assert [told(reply) for reply in replies] == [
        (202, "queued"),
        (409, "idempotency_conflict"),
        (202, "queued"),
    ]
    assert Job.objects.count() == 2


def test_tenants_share_neither_renders_nor_keys(token: str, tenant: Tenant) -> None:
    other = issue_key(
        tenant=create_tenant(slug="globex", name="Globex", tier=tenant.tier_id), name="tests"
    ).token
    replies = answer_all([post(token, key="k"), post(other, key="k")])
    assert [told(reply) for reply in replies] == [(202, "queued")] * 2
    owners = Job.objects.order_by("id").values_list("tenant__slug", flat=True)
    assert list(owners) == [tenant.slug, "globex"]
    assert Render.objects.count() == 2


def test_what_was_said_is_answered_beside_what_was_not(token: str) -> None:
    speak(job_of(answer_all([post(token, "Said.")])[0]))
    replies = answer_all(
        [post(token, "Said."), post(token, "New."), post(token, "Said.", format="flac")]
    )
    assert [told(reply) for reply in replies] == [
        (200, "succeeded"),
        (202, "queued"),
        (202, "queued"),
    ]
    assert json.loads(replies[0].body)["result"]["cached"] is True
    queues = [json.loads(reply.body)["plan"][0]["queue"] for reply in replies]
    assert queues == ["cpu", "cpu", "media"]


def test_a_ledger_that_is_away_is_told_to_all(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_all([post(token)])  # key and voice are remembered
    with monkeypatch.context() as away:
        connection.close()
        away.setitem(connection.settings_dict, "HOST", "/nowhere")
        replies = answer_all([post(token, "One."), post(token, "Two.")])
    assert [told(reply) for reply in replies] == [(503, "database_down")] * 2
    assert all(reply.headers["Retry-After"] for reply in replies)
    assert told(answer_all([post(token, "Three.")])[0]) == (202, "queued")


def test_a_bug_is_one_requests_trouble_and_tells_no_secret(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voices import preparing

    def break_on(text: str, most: int) -> None:
        if text == "Two.":
            raise RuntimeError("a secret")

    monkeypatch.setattr(preparing, "check_text", break_on)
    replies = answer_all([post(token, "One."), post(token, "Two."), post(token, "Three.")])
    assert [told(reply) for reply in replies] == [
        (202, "queued"),
        (500, "internal_error"),
        (202, "queued"),
    ]
    assert b"secret" not in replies[1].body
