"""The sentence of a voice: made once, by who may have something made, and again where it failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils.html import escape

from jobs.models import Job
from jobs.services.endings import end_job
from jobs.states import State
from tests.own import cloned_voice, own_voice
from tests.speech import keyed, problem_of, speak
from voices.owning.greeting import SENTENCES

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

SAMPLE = "/api/v1/voices/brand/sample"


def texts() -> list[str]:
    spoken = Job.objects.filter(kind="synthesize").order_by("id")
    return [job.request["text"] for job in spoken]


def a_while_ago(job_id: str) -> None:
    at = datetime.now(UTC) - timedelta(minutes=2)
    Job.objects.filter(id=job_id).update(ended_at=at)


def heard(client: Client) -> Any:
    made = client.get(SAMPLE)
    if made.status_code == 202:
        speak(made.json()["id"])
    return client.get(SAMPLE)


def test_it_is_spoken_anew_in_another_language(tenant: Tenant, mine: Client) -> None:
    cloned_voice(tenant)
    assert heard(mine).status_code == 200
    changed = mine.patch(
        "/api/v1/voices/brand",
        {"language": "de-AT"},
        content_type="application/json",
        headers={"If-Match": "*"},
    )
    assert changed.status_code == 200
    assert heard(mine).status_code == 200
    assert texts() == [SENTENCES["en"], SENTENCES["de"]]


def test_who_may_only_look_hears_it_and_has_none_made(tenant: Tenant, mine: Client) -> None:
    voice = cloned_voice(tenant)
    reader = keyed(tenant, scopes=["voices:read"])
    assert reader.get(SAMPLE).status_code == 202, "it was asked for when the voice was cloned"
    type(voice).objects.filter(id=voice.id).update(language="de")
    assert problem_of(reader.get(SAMPLE)) == (404, "sample_not_made")
    assert texts() == [SENTENCES["en"]]
    first = heard(mine)
    again = reader.get(SAMPLE)
    assert (again.status_code, again.getvalue()) == (200, first.getvalue())


def test_one_that_failed_is_tried_again_once_a_minute_however_many_ask(
    tenant: Tenant, mine: Client
) -> None:
    cloned_voice(tenant)
    for tried in (1, 2):
        job_id = mine.get(SAMPLE).json()["id"]
        assert mine.get(SAMPLE).json()["id"] == job_id
        end_job(job_id, State.FAILED, code="broken", message="The engine broke.")
        assert problem_of(mine.get(SAMPLE)) == (409, "audio_not_ready")
        assert len(texts()) == tried
        a_while_ago(job_id)
    assert heard(mine).status_code == 200
    assert heard(mine).status_code == 200
    assert len(texts()) == 3


def test_no_key_of_a_clients_own_is_in_its_way(tenant: Tenant, mine: Client) -> None:
    """Its keys are printable ASCII; ours is not."""
    cloned_voice(tenant)
    mine.get(SAMPLE)
    ours = Job.objects.get(kind="synthesize").idempotency_key
    assert ours is not None
    assert not ours.isascii()
    body = {"text": "Hello.", "voice": "brand"}
    sent = mine.post(
        "/api/v1/jobs/synthesize",
        body,
        content_type="application/json",
        headers={"Idempotency-Key": ours.encode().decode("latin-1")},
    )
    assert problem_of(sent) == (400, "invalid_request")


def test_an_audition_says_where_its_job_is(tenant: Tenant, mine: Client) -> None:
    cloned_voice(tenant)
    body = {"text": "Hello.", "revision": "published"}
    heard = mine.post("/api/v1/voices/brand/audition", body, content_type="application/json")
    assert heard.status_code == 202
    assert heard.headers["Location"] == f"/api/v1/jobs/{heard.json()['id']}"
    assert mine.get(heard.headers["Location"]).json()["id"] == heard.json()["id"]


def test_the_page_proposes_a_sentence_in_the_voices_language(
    tenant: Tenant, admin_client: Client
) -> None:
    voice = own_voice(tenant, language="fr-CH")
    page = admin_client.get(f"/admin/voices/voice/{voice.id}/change/").content.decode()
    assert escape(SENTENCES["fr"]) in page
    assert SENTENCES["en"] not in page
