"""What time takes away: texts, audio, renders and orphans; and what is made again when lost."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from jobs.dispatch import run_sweeps
from jobs.models import Event, Job, Usage
from jobs.sweeps import forget_events
from tests.conftest import make_tenant
from tests.engines import JournalEngine
from tests.speech import JOBS, SYNTHESIZE, keyed, post, problem_of, speak
from voices.models import Render, Variant
from voices.storage import audio_store, put_audio
from voices.store import audio_name, read_verified

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {"text": "Kept for a while.", "voice": "diary"}


@pytest.fixture(autouse=True)
def _empty_store(db: None) -> None:
    JournalEngine.spoken.clear()
    for stored in list(audio_store().names()):
        audio_store().delete(stored.name)


def spoken(client: Client, **changed: Any) -> str:
    """A job whose steps were answered one after the other, until it ended."""
    job_id = str(post(client, SYNTHESIZE, BODY | changed).json()["id"])
    assert speak(job_id).state == "succeeded"
    return job_id


def age_results(**by: float) -> None:
    Job.objects.update(ended_at=F("ended_at") - timedelta(**by))


def age_files(**by: float) -> None:
    moment = time.time() - timedelta(**by).total_seconds()
    for path in Path(settings.AUDIO_FOLDER).rglob("*.*"):
        os.utime(path, (moment, moment))


def stored_names() -> set[str]:
    return {stored.name for stored in audio_store().names()}


def sweep(*options: str) -> None:
    call_command("sweep", *options, verbosity=0)


def test_a_result_goes_when_its_tenants_days_are_over_and_its_text_with_it(api: Client) -> None:
    job_id = spoken(api)
    age_results(days=29)
    sweep()
    assert api.get(f"{JOBS}/{job_id}/audio").status_code == 200
    age_results(days=2)
    sweep("--dry-run")
    assert api.get(f"{JOBS}/{job_id}/audio").status_code == 200
    sweep()
    assert problem_of(api.get(f"{JOBS}/{job_id}/audio")) == (410, "audio_expired")
    kept = Job.objects.get(id=job_id)
    assert "Kept" not in f"{kept.request} {kept.result} {kept.plan} {kept.trail}"
    shown = api.get(f"{JOBS}/{job_id}").json()
    assert (shown["state"], shown["request"]["forgotten"]) == ("succeeded", True)
    assert Usage.objects.get().characters == len(BODY["text"])


def test_a_tenant_may_keep_results_longer_or_shorter(api: Client) -> None:
    short, long = (make_tenant(slug, result_days=days) for slug, days in (("s", 1), ("l", 90)))
    one, other = spoken(keyed(short)), spoken(keyed(long))
    age_results(days=40)
    sweep()
    assert problem_of(keyed(short).get(f"{JOBS}/{one}/audio")) == (410, "audio_expired")
    assert keyed(long).get(f"{JOBS}/{other}/audio").status_code == 200


def test_the_text_of_a_failed_job_is_blanked_as_well_and_it_is_retried_no_more(
    api: Client,
) -> None:
    job_id = post(api, SYNTHESIZE, BODY).json()["id"]
    api.post(f"{JOBS}/{job_id}/cancel")
    age_results(days=31)
    sweep()
    assert "text" not in Job.objects.get(id=job_id).request
    assert problem_of(api.post(f"{JOBS}/{job_id}/retry")) == (409, "not_retriable")


def test_the_webhook_url_of_a_request_goes_with_its_text(api: Client) -> None:
    job_id = post(api, SYNTHESIZE, BODY | {"webhook_url": "https://example.com/k3y"}).json()["id"]
    api.post(f"{JOBS}/{job_id}/cancel")
    age_results(days=31)
    sweep()
    assert "k3y" not in str(Job.objects.get(id=job_id).request)


def test_a_job_that_has_not_ended_keeps_its_text(api: Client) -> None:
    job_id = post(api, SYNTHESIZE, BODY).json()["id"]
    Job.objects.update(created_at=F("created_at") - timedelta(days=400))
    sweep()
    assert Job.objects.get(id=job_id).request["text"] == BODY["text"]


def test_a_render_goes_a_day_after_its_last_use(api: Client) -> None:
    spoken(api)
    Render.objects.update(used_at=F("used_at") - timedelta(hours=23))
    sweep()
    assert Render.objects.count() == 1
    assert post(api, SYNTHESIZE, BODY).status_code == 200  # a hit is a use
    Render.objects.update(used_at=F("used_at") - timedelta(hours=23))
    sweep()
    assert Render.objects.count() == 1
    Render.objects.update(used_at=F("used_at") - timedelta(hours=2))
    sweep("--dry-run")
    assert (Render.objects.count(), Variant.objects.count()) == (1, 1)
    sweep()
    assert (Render.objects.count(), Variant.objects.count()) == (0, 0)


def test_a_render_that_a_live_job_makes_stays(api: Client) -> None:
    job_id = post(api, SYNTHESIZE, BODY).json()["id"]
    Render.objects.update(used_at=F("used_at") - timedelta(days=3))
    sweep()
    assert Render.objects.count() == 1
    api.post(f"{JOBS}/{job_id}/cancel")
    sweep()
    assert not Render.objects.exists()


def test_after_its_render_went_a_text_is_spoken_again(api: Client) -> None:
    spoken(api)
    Render.objects.all().delete()
    spoken(api)
    assert len(JournalEngine.spoken) == 2


def test_what_no_row_names_goes_after_a_day_and_the_rest_stays(api: Client, tenant: Tenant) -> None:
    job_id = spoken(api)
    named = stored_names()
    assert {name.rpartition(".")[2] for name in named} == {"flac", "wav"}
    orphan = audio_name(tenant.id, put_audio(tenant.id, b"nobody's", "wav"), "wav")
    age_files(hours=23)
    sweep()
    assert stored_names() == named | {orphan}
    age_files(hours=25)
    sweep("--dry-run")
    assert stored_names() == named | {orphan}
    sweep()
    assert stored_names() == named
    assert api.get(f"{JOBS}/{job_id}/audio").status_code == 200


def test_what_a_result_names_stays_without_its_render_until_it_expires(api: Client) -> None:
    job_id = spoken(api)
    sha256 = Job.objects.get(id=job_id).result["sha256"]  # type: ignore[index]
    Render.objects.all().delete()
    age_files(days=3)
    sweep()
    assert {name.split("/")[2].split(".")[0] for name in stored_names()} == {sha256}
    age_results(days=31)
    sweep()
    assert stored_names() == set()


def test_what_was_put_again_is_young_again(api: Client, tenant: Tenant) -> None:
    put_audio(tenant.id, b"nobody's", "wav")
    age_files(days=3)
    put_audio(tenant.id, b"nobody's", "wav")
    sweep()
    assert len(stored_names()) == 1


def master() -> Path:
    [found] = Path(settings.AUDIO_FOLDER).rglob("*.flac")
    return found


def damage() -> None:
    data = master().read_bytes()
    master().write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def lose() -> None:
    master().unlink()


def test_another_container_is_encoded_from_the_master(api: Client) -> None:
    spoken(api)
    job = Job.objects.get(id=spoken(api, format="opus"))
    assert (job.step, len(JournalEngine.spoken)) == (0, 1)
    assert job.result["cached"] is True  # type: ignore[index]


@pytest.mark.parametrize("harm", [damage, lose])
def test_a_master_that_cannot_be_read_is_spoken_again_by_the_next_step(
    api: Client, tenant: Tenant, harm: Any
) -> None:
    spoken(api)
    harm()
    job = Job.objects.get(id=spoken(api, format="opus"))
    assert (job.step, job.plan[job.step]["engine"]) == (1, "journal")
    assert [note["code"] for note in job.trail] == ["master_missing"]
    assert len(JournalEngine.spoken) == 2
    again = audio_name(tenant.id, Render.objects.get().sha256, "flac")
    assert hashlib.sha256(read_verified(audio_store(), again)).hexdigest() in again


@pytest.mark.parametrize("harm", [damage, lose])
def test_a_waiter_that_finds_the_master_spoilt_speaks_itself(api: Client, harm: Any) -> None:
    first = post(api, SYNTHESIZE, BODY).json()["id"]
    waiter = post(api, SYNTHESIZE, BODY | {"format": "opus"}).json()["id"]
    assert Job.objects.get(id=waiter).state == "waiting"
    speak(first)
    harm()
    job = speak(waiter)
    assert (job.step, job.result["cached"]) == (0, False)  # type: ignore[index]
    assert len(JournalEngine.spoken) == 2


def age_events(**by: float) -> None:
    Event.objects.update(at=F("at") - timedelta(**by))
    age_results(**by)


def bite_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.sweeps.BITE", 2)


def test_events_go_days_after_their_job_has_ended_and_job_and_usage_stay(api: Client) -> None:
    spoken(api)
    age_events(days=29)
    sweep()
    assert Event.objects.count() == 1
    age_events(days=2)
    sweep("--dry-run")
    assert Event.objects.count() == 1
    sweep()
    assert (Event.objects.count(), Job.objects.count(), Usage.objects.count()) == (0, 1, 1)


def test_an_old_event_of_a_job_that_has_not_ended_for_long_stays(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bite_of_two(monkeypatch)
    for number in range(7):
        spoken(api, text=f"Number {number}.")
    age_events(days=31)
    kept = Event.objects.order_by("id")[:3].values_list("job", flat=True)
    Job.objects.filter(id__in=list(kept)).update(ended_at=Now())
    assert forget_events(dry_run=True) == forget_events() == 4
    assert set(Event.objects.values_list("job", flat=True)) == set(kept)


def test_events_that_stay_are_not_even_looked_at(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bite_of_two(monkeypatch)
    spoken(api)
    age_events(days=31)
    for number in range(7):
        spoken(api, text=f"Number {number}.")
    with CaptureQueriesContext(connection) as asked:
        assert forget_events() == 1
    assert len(asked) == 2


def test_a_sweep_that_fails_does_not_keep_the_others_away() -> None:
    sweeps = ["no.such.sweep", "jobs.sweeps.forget_idempotency_keys"]
    assert run_sweeps(sweeps) == {"jobs.sweeps.forget_idempotency_keys": 0}
