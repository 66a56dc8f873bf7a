"""A personality speaks: in its own voice, or in another only where that was allowed, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from jobs.models import Job, Usage
from personalities.models import Personality
from personalities.selectors import find_personality
from tests.conftest import make_tenant
from tests.speech import JOBS, keyed, make_voice, post, problem_of, speak
from voices.models import Revision, Sample, Status, Voice

if TYPE_CHECKING:
    import httpx
    from django.test import Client
    from pytest_django import Settings

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

ALL = "/api/v1/personalities"
VOICE = f"{ALL}/marcel/voice"
GENERATE = f"{VOICE}/generate"
HELLO = {"text": "Hello."}


@pytest.fixture(autouse=True)
def _default_voice(settings: Settings, speech: None) -> None:
    settings.DEFAULT_VOICE = "tester"


def give(tenant: Tenant, **columns: Any) -> Personality:
    """Marcel with these columns, whatever a service would say of them."""
    marcel = find_personality(tenant.id, "marcel")
    Personality.objects.filter(id=marcel.id).update(**columns)
    return find_personality(tenant.id, "marcel")


def diary() -> Voice:
    return Voice.objects.get(slug="diary")


def test_it_speaks_in_its_own_voice(api: Client, tenant: Tenant) -> None:
    marcel = give(tenant, voice=diary())
    answer = post(api, GENERATE, HELLO)
    assert answer.status_code == 202, answer.json()
    job = answer.json()
    assert answer.headers["Location"] == f"{JOBS}/{job['id']}"
    assert job["personality_id"] == str(marcel.id)
    assert (job["request"]["voice"], "stand_in" in job["request"]) == ("diary", False)
    done = speak(job["id"])
    assert done.result is not None
    assert (done.result["voice"], done.result["substituted"]) == ("diary", False)
    assert Usage.objects.get(job=done).personality_id == str(marcel.id)


def test_without_a_voice_it_is_silent_unless_another_may_stand_in(api: Client) -> None:
    assert problem_of(post(api, GENERATE, HELLO)) == (409, "personality_voiceless")
    assert not Job.objects.exists()


def test_a_stand_in_is_told_at_once_and_for_ever(api: Client, tenant: Tenant) -> None:
    job = post(api, GENERATE, HELLO | {"substitute": "flag"}).json()
    assert "marcel has no voice that can speak now: tester stands in." in job["warnings"]
    assert job["request"]["stand_in"] is True
    assert speak(job["id"]).state == "succeeded"
    shown = api.get(f"{JOBS}/{job['id']}").json()
    assert (shown["result"]["voice"], shown["result"]["substituted"]) == ("tester", True)
    assert shown["request"]["stand_in"] is True
    again = post(api, GENERATE, HELLO | {"substitute": "flag"}).json()
    assert (again["result"]["cached"], again["result"]["substituted"]) == (True, True)
    assert again["warnings"]


def test_a_retry_of_a_stand_in_is_one_too(api: Client) -> None:
    job = post(api, GENERATE, HELLO | {"substitute": "flag"}).json()
    api.post(f"{JOBS}/{job['id']}/cancel")
    retried = api.post(f"{JOBS}/{job['id']}/retry").json()
    assert retried["request"]["stand_in"] is True
    done = speak(retried["id"])
    assert done.result is not None
    assert done.result["substituted"] is True


def test_the_fallback_goes_before_the_default_voice(api: Client, tenant: Tenant) -> None:
    give(tenant, fallback_voice=diary(), fallback_engine="journal")
    flagged = HELLO | {"substitute": "flag"}
    job = post(api, GENERATE, flagged).json()
    assert (job["request"]["voice"], job["plan"][0]["engine"]) == ("diary", "journal")
    give(tenant, fallback_engine="unheard")  # it cannot speak either
    assert post(api, GENERATE, flagged).json()["request"]["voice"] == "tester"


@pytest.mark.parametrize("trouble", ["unpublished", "switched off", "no engine"])
def test_a_voice_that_cannot_speak_is_as_good_as_none(
    api: Client, tenant: Tenant, trouble: str
) -> None:
    voice = make_voice("own", tenant=tenant, engines=["unheard"])
    give(tenant, voice=voice)
    if trouble == "unpublished":
        Revision.objects.filter(voice=voice).update(state=Revision.State.DRAFT)
    if trouble == "switched off":
        Voice.objects.filter(id=voice.id).update(active=False)
    code = (422, "engine_unknown") if trouble == "no engine" else (409, "personality_voiceless")
    assert problem_of(post(api, GENERATE, HELLO)) == code
    job = post(api, GENERATE, HELLO | {"substitute": "flag"}).json()
    assert (job["request"]["voice"], job["request"]["stand_in"]) == ("tester", True)


def test_one_that_is_off_says_nothing(api: Client, tenant: Tenant) -> None:
    give(tenant, voice=diary(), primary=False, active=False)
    assert problem_of(post(api, GENERATE, HELLO)) == (409, "personality_inactive")


def test_a_key_gives_one_job_whatever_became_of_the_voice(api: Client, tenant: Tenant) -> None:
    give(tenant, voice=diary())
    first = post(api, GENERATE, HELLO, Idempotency_Key="k")
    give(tenant, voice=None)
    again = post(api, GENERATE, HELLO, Idempotency_Key="k")
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    other = post(api, f"{ALL}/zac/voice/generate", HELLO, Idempotency_Key="k")
    assert problem_of(other) == (409, "idempotency_conflict")


def test_options_are_those_of_a_synthesis_without_its_voice(api: Client, tenant: Tenant) -> None:
    give(tenant, voice=diary())
    body = HELLO | {"format": "mp3", "priority": "interactive", "seed": 7, "cache": "bypass"}
    job = post(api, GENERATE, body).json()
    assert (job["request"]["format"], job["priority"]) == ("mp3", "interactive")
    for more in ({"voice": "tester"}, {"personality_id": "x"}, {"txet": "Hi"}):
        assert problem_of(post(api, GENERATE, HELLO | more)) == (400, "invalid_request")
    assert problem_of(post(api, GENERATE, {"text": ""})) == (422, "text_empty")


def test_another_tenants_personality_says_nothing(api: Client, tenant: Tenant) -> None:
    marcel = give(tenant, voice=diary())
    answer = post(keyed(make_tenant("other")), f"{ALL}/{marcel.id}/voice/generate", HELLO)
    assert problem_of(answer) == (404, "personality_not_found")


def test_prefer_waits_for_the_end(cpu_worker: None, live: httpx.Client, tenant: Tenant) -> None:
    give(tenant, voice=Voice.objects.get(slug="tester"))
    headers = {"Prefer": "wait=30"}
    answer = live.post(GENERATE, json={"text": "Wait for me."}, headers=headers)
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
    assert answer.headers["Location"].endswith(answer.json()["id"])


def test_the_configuration_tells_of_no_voice(api: Client) -> None:
    shown = api.get(VOICE).json()
    assert (shown["mode"], shown["status"], shown["voice_id"]) == ("default", "none", None)
    assert shown["stats"] == {
        "days": 30,
        "total_generations": 0,
        "total_seconds": 0.0,
        "average_latency_ms": None,
        "cache_hit_rate": None,
    }


def test_the_configuration_tells_of_the_voice_and_what_it_said(api: Client, tenant: Tenant) -> None:
    own = make_voice("own", tenant=tenant, status=Status.TRAINING)
    Revision.objects.filter(voice=own).update(settings={"speed": 1.25})
    heard = {"state": Sample.State.ACCEPTED, "sha256": "b" * 64, "seconds": 7.5}
    sample_id = Sample.objects.create(
        tenant=tenant, voice=own, name="take one", original="a" * 64, original_bytes=9, **heard
    ).id
    give(tenant, voice=own, fallback_voice=diary(), fallback_engine="journal")
    for _ in range(3):
        speak(post(api, GENERATE, HELLO).json()["id"])
    shown = api.get(VOICE).json()
    assert (shown["provider"], shown["mode"], shown["status"]) == ("echo", "custom", "training")
    assert (shown["voice_id"], shown["voice_name"]) == (str(own.id), "Own")
    assert shown["settings"] == {"speed": 1.25}
    [sample] = shown["samples"]
    assert (sample["name"], sample["seconds"], sample["state"]) == ("take one", 7.5, "accepted")
    assert sample["audio_url"] == f"/api/v1/voices/{own.id}/samples/{sample_id}/audio"
    assert shown["fallback"] == {
        "provider": "journal",
        "voice_id": str(diary().id),
        "voice_name": "Diary",
    }
    stats = shown["stats"]
    assert (stats["total_generations"], stats["cache_hit_rate"]) == (3, 0.6667)
    assert stats["total_seconds"] > 0
    assert stats["average_latency_ms"] > 0


def test_the_statistics_are_found_by_an_index_of_their_own(tenant: Tenant) -> None:
    asked = "SELECT count(*) FROM jobs_usage WHERE tenant_id = %s AND personality_id = %s"
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {asked} AND at >= now() - interval '1 day'", [tenant.id, "x"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET enable_seqscan; RESET enable_bitmapscan")
    assert "usage_personality" in plan
