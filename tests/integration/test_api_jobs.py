"""Jobs over REST: listed, filtered, cancelled, retried; voices, usage, pressure and readiness."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.db.models import F
from django.test import override_settings

from jobs.errors import QueueFullError, TenantCeilingError
from jobs.models import Job, Usage
from jobs.pressure import forget_pressure
from tests.conftest import make_tenant
from tests.speech import BULK, JOBS, SYNTHESIZE, keyed, make_voice, post, problem_of, speak

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = "00000000-0000-7000-8000-000000000000"


def submit(client: Client, text: str = "Hello.", **changed: Any) -> str:
    answer = post(client, SYNTHESIZE, {"text": text, "voice": "tester"} | changed)
    return str(answer.json()["id"])


def test_jobs_are_listed_newest_first_page_by_page(api: Client) -> None:
    ids = [submit(api, f"Text {number}.") for number in range(7)]
    seen, address = [], f"{JOBS}?limit=3"
    while address:
        page = api.get(address).json()
        assert len(page["results"]) <= 3
        seen += [job["id"] for job in page["results"]]
        parts = urlsplit(page["next"] or "")
        address = f"{parts.path}?{parts.query}" if page["next"] else ""
    assert seen == ids[::-1]


def test_a_job_that_arrives_between_two_pages_moves_nothing(api: Client) -> None:
    ids = [submit(api, f"Text {number}.") for number in range(4)]
    following = urlsplit(api.get(f"{JOBS}?limit=2").json()["next"])
    submit(api, "One more.")
    second = api.get(f"{following.path}?{following.query}").json()["results"]
    assert [job["id"] for job in second] == [ids[1], ids[0]]


def test_jobs_are_filtered_by_state(api: Client) -> None:
    kept, cancelled = submit(api, "One."), submit(api, "Two.")
    api.post(f"{JOBS}/{cancelled}/cancel")
    listed = {
        state: [job["id"] for job in api.get(JOBS, {"state": state}).json()["results"]]
        for state in ("queued", "cancelled", "failed")
    }
    assert listed == {"queued": [kept], "cancelled": [cancelled], "failed": []}


def cursor(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"state": "done"}, 400),
        ({"state": "\x00"}, 400),
        ({"batch": "x"}, 400),
        ({"batch": "\x00"}, 400),
        ({"cursor": "x"}, 404),
        ({"cursor": "\x00"}, 400),
        ({"cursor": cursor("p=x")}, 404),
        ({"cursor": cursor("p=\x00")}, 404),
        ({"cursor": cursor("p=" + "9" * 5000)}, 404),
        ({"cursor": cursor("o=x")}, 404),
        ({"limit": "x"}, 200),
        ({"limit": "-1"}, 200),
        ({"limit": "9" * 5000}, 200),
    ],
)
def test_a_made_up_page_is_refused_or_passed_over(
    api: Client, query: dict[str, str], status: int
) -> None:
    answer = api.get(JOBS, query)
    assert answer.status_code == status
    if status != 200:
        problem_of(answer)


def test_a_job_nobody_has_is_404(api: Client) -> None:
    assert problem_of(api.get(f"{JOBS}/{NOBODY}")) == (404, "job_not_found")
    assert problem_of(api.get(f"{JOBS}/not-an-id")) == (404, "not_found")


def test_a_cancelled_job_ends_at_once_and_stays_ended(api: Client) -> None:
    job_id = submit(api)
    job = api.post(f"{JOBS}/{job_id}/cancel").json()
    assert (job["state"], job["error"], job["audio_url"]) == ("cancelled", None, None)
    again = api.post(f"{JOBS}/{job_id}/cancel")
    assert (again.status_code, again.json()["ended_at"]) == (200, job["ended_at"])
    assert problem_of(api.get(f"{JOBS}/{job_id}/audio")) == (409, "audio_not_ready")


def test_a_retry_is_a_new_job_with_the_same_request_and_revision(api: Client) -> None:
    first = submit(api, "Again.", format="flac", seed=5)
    api.post(f"{JOBS}/{first}/cancel")
    answer = api.post(f"{JOBS}/{first}/retry")
    second = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{JOBS}/{second['id']}"
    assert (second["retry_of"], second["state"]) == (first, "queued")
    old, new = Job.objects.get(id=first), Job.objects.get(id=second["id"])
    assert (new.request, new.plan) == (old.request, old.plan)


def test_only_what_ended_badly_can_be_retried(api: Client) -> None:
    job_id = submit(api)
    assert problem_of(api.post(f"{JOBS}/{job_id}/retry")) == (409, "not_retriable")
    speak(job_id)
    assert problem_of(api.post(f"{JOBS}/{job_id}/retry")) == (409, "not_retriable")


def test_a_retried_job_is_spoken(api: Client) -> None:
    job_id = submit(api)
    api.post(f"{JOBS}/{job_id}/cancel")
    retried = api.post(f"{JOBS}/{job_id}/retry").json()
    assert speak(retried["id"]).state == "succeeded"


def test_voices_say_who_can_speak_them(api: Client, tenant: Tenant) -> None:
    make_voice("mine", tenant=tenant, engines=["echo"], stand_ins=["unheard"], licence="CC0")
    listed = {voice["slug"]: voice for voice in api.get("/api/v1/voices").json()}
    assert {slug: voice["stock"] for slug, voice in listed.items()} == {
        "tester": True,
        "diary": True,
        "mine": False,
    }
    assert api.get("/api/v1/voices/mine").json() == listed["mine"]
    assert api.get(f"/api/v1/voices/{listed['mine']['id']}").json() == listed["mine"]
    engines = {engine.pop("engine"): engine for engine in listed["mine"]["engines"]}
    assert engines == {
        "echo": {"substitute": False, "installed": True, "awake": False},
        "unheard": {"substitute": True, "installed": False, "awake": False},
    }


@pytest.mark.parametrize("reference", ["nobody", "no%ED%A0%80body", "a%2Fb", "%F0"])
def test_a_voice_nobody_has_is_404(api: Client, reference: str) -> None:
    assert problem_of(api.get(f"/api/v1/voices/{reference}"))[0] == 404


def test_usage_is_summed_by_day_and_provider(api: Client) -> None:
    for text in ("One.", "Two!!", "One."):
        speak(submit(api, text))
    today = datetime.now(UTC).date().isoformat()
    [row] = api.get("/api/v1/usage").json()["rows"]
    assert row["audio_seconds"] == pytest.approx(0.3)
    assert row == row | {
        "day": today,
        "provider": "echo",
        "jobs": 3,
        "cached_jobs": 1,
        "characters": len("One.Two!!One."),
        "cost_usd": "0.000000",
    }
    Usage.objects.update(at=F("at") - timedelta(days=40))
    assert api.get("/api/v1/usage").json()["rows"] == []
    since = (datetime.now(UTC) - timedelta(days=41)).date().isoformat()
    assert len(api.get("/api/v1/usage", {"since": since}).json()["rows"]) == 1
    assert api.get("/api/v1/usage", {"since": since, "until": since}).json()["rows"] == []


@pytest.mark.parametrize(
    "day", ["yesterday", "2030-02-30", "0001-01-01", "9999-12-31", "", "2030-01-01T00:00"]
)
def test_a_day_that_is_no_day_is_refused_by_name(api: Client, day: str) -> None:
    for name in ("since", "until"):
        answer = api.get("/api/v1/usage", {name: day})
        assert problem_of(answer) == (400, "invalid_request")
        assert list(answer.json()["errors"]) == [name]


def test_a_tenant_past_its_ceiling_is_told_when_to_come_again(speech: None) -> None:
    small = keyed(make_tenant("small", max_queued=2))
    first = submit(small, "One.")
    submit(small, "Two.")
    answer = post(small, SYNTHESIZE, {"text": "Three.", "voice": "tester"})
    assert problem_of(answer) == (429, "too_many_jobs")
    assert answer.headers["Retry-After"] == str(TenantCeilingError.retry_after)
    small.post(f"{JOBS}/{first}/cancel")
    assert problem_of(small.post(f"{JOBS}/{first}/retry")) == (429, "too_many_jobs")
    forget_pressure()
    assert post(small, SYNTHESIZE, {"text": "Three.", "voice": "tester"}).status_code == 202


def test_a_full_platform_asks_everybody_to_come_again(api: Client) -> None:
    submit(api, "One.")
    other = keyed(make_tenant("other"))
    with override_settings(MAX_DEPTH=1):
        for path, body in (
            (SYNTHESIZE, {"text": "Two.", "voice": "tester"}),
            (BULK, {"items": [{"text": "Two.", "voice": "tester"}]}),
        ):
            answer = post(other, path, body)
            assert problem_of(answer) == (503, "queue_full")
            assert answer.headers["Retry-After"] == str(QueueFullError.retry_after)
    assert Job.objects.count() == 1
