"""Having a text spoken over REST: accepted once, answered from what was said before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import override_settings
from django.utils import timezone

from jobs.models import Job, Usage
from jobs.services.workers import offer_engine
from tests.conftest import make_tenant
from tests.speech import (
    ENGINES,
    SYNTHESIZE,
    keyed,
    make_voice,
    offer_engines,
    post,
    problem_of,
    speak,
    wait_for_end,
)
from voices.models import Render, Voice
from voices.selectors import forget_remembered

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

BODY: dict[str, Any] = {"text": "Good morning.", "voice": "tester"}


def test_a_new_text_is_accepted_with_its_place(api: Client) -> None:
    answer = post(api, SYNTHESIZE, BODY)
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["state"], job["request"]["text"]) == ("queued", "Good morning.")
    assert job["warnings"] == ["No worker on cpu is awake; the job waits for one."]
    assert api.get(answer.headers["Location"]).json() == job


def test_what_was_said_before_is_answered_at_once_and_charged_as_cached(
    cpu_worker: None, api: Client
) -> None:
    accepted = post(api, SYNTHESIZE, BODY)
    assert accepted.json()["warnings"] == []
    first = wait_for_end(api, accepted.json()["id"])
    answer = post(api, SYNTHESIZE, BODY)
    second = answer.json()
    assert (answer.status_code, second["state"]) == (200, "succeeded")
    assert second["id"] != first["id"]
    assert second["result"] == first["result"] | {"cached": True}
    assert list(Usage.objects.order_by("id").values_list("cached", flat=True)) == [False, True]


def test_another_container_is_made_without_an_engine(api: Client) -> None:
    diary = BODY | {"voice": "diary"}
    speak(post(api, SYNTHESIZE, diary).json()["id"])
    answer = post(api, SYNTHESIZE, diary | {"format": "flac"})
    assert answer.status_code == 202
    assert answer.json()["plan"][0] == {"engine": "encoder", "queue": "media"}


def test_a_bypass_is_spoken_anew(api: Client) -> None:
    first = speak(post(api, SYNTHESIZE, BODY).json()["id"])
    again = post(api, SYNTHESIZE, BODY | {"cache": "bypass"})
    assert again.status_code == 202
    second = speak(again.json()["id"])
    assert first.result
    assert second.result
    assert second.result["cached"] is False
    assert second.result["seed"] != first.result["seed"]


def test_the_same_request_under_the_same_key_is_one_job(api: Client) -> None:
    first = post(api, SYNTHESIZE, BODY, Idempotency_Key="k-1")
    again = post(api, SYNTHESIZE, dict(reversed(BODY.items())), Idempotency_Key="k-1")
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert Job.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict(api: Client) -> None:
    post(api, SYNTHESIZE, BODY, Idempotency_Key="k-1")
    answer = post(api, SYNTHESIZE, BODY | {"format": "mp3"}, Idempotency_Key="k-1")
    assert problem_of(answer) == (409, "idempotency_conflict")
    assert Job.objects.count() == 1


def test_a_replay_of_a_job_that_is_done_shows_its_result(api: Client) -> None:
    first = post(api, SYNTHESIZE, BODY, Idempotency_Key="k").json()["id"]
    result = speak(first).result
    again = post(api, SYNTHESIZE, BODY, Idempotency_Key="k")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.json()["id"]) == (200, first)
    assert again.json()["result"] == result
    assert Usage.objects.count() == 1


def test_a_key_is_forgotten_after_a_day_and_not_before(api: Client) -> None:
    first = post(api, SYNTHESIZE, BODY, Idempotency_Key="k").json()["id"]
    Job.objects.update(created_at=F("created_at") - timedelta(hours=23))
    call_command("sweep", verbosity=0)
    assert post(api, SYNTHESIZE, BODY, Idempotency_Key="k").json()["id"] == first
    Job.objects.update(created_at=F("created_at") - timedelta(hours=2))
    call_command("sweep", "--dry-run", verbosity=0)
    assert post(api, SYNTHESIZE, BODY, Idempotency_Key="k").json()["id"] == first
    call_command("sweep", verbosity=0)
    assert post(api, SYNTHESIZE, BODY, Idempotency_Key="k").json()["id"] != first


@pytest.mark.parametrize("key", ["", "x" * 248, "caf\xe9", "a\x07b"])
def test_a_key_that_is_no_key_is_refused(api: Client, key: str) -> None:
    assert problem_of(post(api, SYNTHESIZE, BODY, Idempotency_Key=key))[0] == 400


def test_a_deadline_priority_and_label_are_kept(api: Client) -> None:
    asked = {"deadline_seconds": 60, "priority": "interactive", "personality_id": "p-1"}
    job = post(api, SYNTHESIZE, BODY | asked).json()
    assert (job["priority"], job["personality_id"]) == ("interactive", "p-1")
    left = Job.objects.get().deadline - timezone.now()  # type: ignore[operator]
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)


def test_the_voice_is_the_default_where_none_is_named(api: Client) -> None:
    with override_settings(DEFAULT_VOICE="tester"):
        job = post(api, SYNTHESIZE, {"text": "Hello."}).json()
    assert job["request"]["voice"] == "tester"


def test_a_stand_in_is_refused_until_it_is_asked_for_and_then_flagged(api: Client) -> None:
    make_voice("double", engines=[], stand_ins=["echo"])
    body = {"text": "Who speaks?", "voice": "double"}
    assert problem_of(post(api, SYNTHESIZE, body)) == (422, "substitute_refused")
    job = speak(post(api, SYNTHESIZE, body | {"substitute": "flag"}).json()["id"])
    assert job.result
    assert job.result["substituted"] is True


def test_a_voice_itself_goes_before_its_stand_in(api: Client) -> None:
    make_voice("double", engines=["journal"], stand_ins=["echo"])
    body = {"text": "Who speaks?", "voice": "double", "substitute": "flag"}
    plan = post(api, SYNTHESIZE, body).json()["plan"]
    assert [step["engine"] for step in plan] == ["journal", "echo"]


def test_quality_orders_the_plan(api: Client) -> None:
    for engine in ("piper", "xtts_v2"):
        model = {"id": engine, "digest": "1", "language": "en", "sample_rate": 8000, "speakers": 1}
        offer_engine(engine=engine, queue="cpu", capabilities=ENGINES["echo"] | {"models": [model]})
    make_voice("two", engines=["piper", "xtts_v2"])
    body = {"text": "Hello.", "voice": "two"}
    orders = {
        quality: [
            step["engine"]
            for step in post(api, SYNTHESIZE, body | {"quality": quality}).json()["plan"]
        ]
        for quality in ("high", "medium", "fast")
    }
    assert orders == {
        "high": ["xtts_v2", "piper"],
        "medium": ["piper", "xtts_v2"],
        "fast": ["piper", "xtts_v2"],
    }
    only = post(api, SYNTHESIZE, body | {"engine": "xtts_v2"}).json()["plan"]
    assert [step["engine"] for step in only] == ["xtts_v2"]


def test_a_step_that_fails_for_good_gives_way_to_the_next(api: Client) -> None:
    model = {"id": "ghost", "digest": "1", "language": "en", "sample_rate": 8000, "speakers": 1}
    able = ENGINES["echo"] | {"models": [model]}
    offer_engine(engine="piper", queue="cpu", capabilities=able)
    make_voice("two", engines=["echo"]).revisions.get().bindings.create(
        engine="piper", model="ghost"
    )
    job = speak(post(api, SYNTHESIZE, {"text": "Hello.", "voice": "two"}).json()["id"])
    assert [step["engine"] for step in job.plan] == ["piper", "echo"]
    assert (job.state, job.step) == ("succeeded", 1)
    assert [(note["engine"], note["code"]) for note in job.trail] == [("piper", "model_missing")]


def test_a_voice_for_private_use_is_not_for_commerce(api: Client, tenant: Tenant) -> None:
    make_voice("private", commercial=False)
    body = {"text": "Hello.", "voice": "private"}
    assert problem_of(post(api, SYNTHESIZE, body)) == (403, "licence_forbids")
    hobby = make_tenant("hobby", commercial=False)
    assert post(keyed(hobby), SYNTHESIZE, body).status_code == 202


def test_a_voice_that_is_switched_off_or_unpublished_is_not_there(api: Client) -> None:
    make_voice("draft").revisions.update(state="draft")
    make_voice("off", active=False)
    for slug in ("draft", "off"):
        answer = post(api, SYNTHESIZE, {"text": "Hello.", "voice": slug})
        assert problem_of(answer) == (404, "voice_not_found")


def test_why_no_engine_can_speak_it_is_told_engine_by_engine(api: Client) -> None:
    answer = post(api, SYNTHESIZE, BODY | {"language": "fr", "settings": {}})
    assert problem_of(answer) == (422, "language_unsupported")
    [refused] = answer.json()["engines"]
    assert (refused["engine"], refused["code"]) == ("echo", "language_unsupported")


def test_a_new_revision_is_another_render(api: Client) -> None:
    offer_engines("echo")
    post(api, SYNTHESIZE, BODY)
    voice = Voice.objects.get(slug="tester")
    old = voice.revisions.get()
    voice.revisions.update(state="retired")
    new = voice.revisions.create(number=2, state="published")
    new.bindings.create(engine="echo", model="echo")
    forget_remembered()
    post(api, SYNTHESIZE, BODY)
    assert Render.objects.count() == 2
    pinned = Job.objects.order_by("id").values_list("request__revision", flat=True)
    assert list(pinned) == [str(old.id), str(new.id)]
