"""Jobs, queues and voices in the admin: the buttons do what they say, and nothing else does."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from jobs.admin.jobs import search_jobs
from jobs.admin.words import STATES, event_words
from jobs.errors import NotRetriableError
from jobs.models import Job, Queue
from jobs.pressure import forget_pressure
from jobs.states import State
from tenants.models import Tenant
from tests.sample_place import make_place, submit
from voices.api.serving import STREAM_HEADER
from voices.models import Voice
from voices.stock import load_stock_voices
from voices.storage import audio_store

if TYPE_CHECKING:
    from uuid import UUID

    from django.test import Client

    from tests.sample_place import Place

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Place:
    return make_place()


def state_of(job_id: UUID) -> str:
    return Job.objects.get(id=job_id).state


def press(client: Client, what: str, job_id: UUID) -> Any:
    answer = client.post(reverse(f"admin:jobs_job_{what}", args=[job_id]), follow=True)
    assert answer.status_code == 200
    return answer


def page(client: Client, job_id: UUID) -> str:
    return client.get(reverse("admin:jobs_job_change", args=[job_id])).content.decode()


def act(client: Client, action: str, jobs: list[UUID]) -> str:
    chosen = {"action": action, "_selected_action": [str(job) for job in jobs]}
    return client.post(reverse("admin:jobs_job_changelist"), chosen, follow=True).content.decode()


@pytest.mark.parametrize("state", ["waiting", "queued", "rung"])
def test_cancel_ends_a_job_that_has_not_started(
    place: Place, admin_client: Client, state: str
) -> None:
    answer = press(admin_client, "cancel", place.jobs[state])
    assert state_of(place.jobs[state]) == "cancelled"
    assert "Job cancelled." in answer.content.decode()


def test_cancel_asks_the_worker_of_a_running_job(place: Place, admin_client: Client) -> None:
    answer = press(admin_client, "cancel", place.jobs["running"])
    job = Job.objects.get(id=place.jobs["running"])
    assert (job.state, job.cancel_requested) == ("running", True)
    assert "its worker was asked to stop" in answer.content.decode()


def test_cancel_leaves_an_ended_job_as_it_ended(place: Place, admin_client: Client) -> None:
    answer = press(admin_client, "cancel", place.jobs["succeeded"])
    assert state_of(place.jobs["succeeded"]) == "succeeded"
    assert "had ended before" in answer.content.decode()


@pytest.mark.parametrize("state", ["failed", "cancelled", "expired"])
def test_retry_submits_the_same_work_as_a_new_job(
    place: Place, admin_client: Client, state: str
) -> None:
    answer = press(admin_client, "retry", place.jobs[state])
    old, new = Job.objects.get(id=place.jobs[state]), Job.objects.get(retry_of=place.jobs[state])
    assert (old.state, new.state, new.request) == (state, "queued", old.request)
    assert answer.redirect_chain[-1][0] == reverse("admin:jobs_job_change", args=[new.id])


def test_a_job_that_did_well_is_not_retried(place: Place, admin_client: Client) -> None:
    answer = press(admin_client, "retry", place.jobs["succeeded"])
    assert str(NotRetriableError()) in answer.content.decode()
    assert not Job.objects.filter(retry_of=place.jobs["succeeded"]).exists()


def test_retry_keeps_to_the_tenants_own_ceiling(place: Place, admin_client: Client) -> None:
    Tenant.objects.filter(id=place.tenant.id).update(max_queued=0)
    forget_pressure()
    answer = press(admin_client, "retry", place.jobs["failed"])
    assert "as many unfinished jobs as its tier allows" in answer.content.decode()
    assert not Job.objects.filter(retry_of=place.jobs["failed"]).exists()


def test_a_link_neither_cancels_nor_retries(place: Place, admin_client: Client) -> None:
    before = Job.objects.count()
    for what, state in (("cancel", "queued"), ("retry", "failed")):
        path = reverse(f"admin:jobs_job_{what}", args=[place.jobs[state]])
        assert admin_client.get(path).status_code == 405
    assert (state_of(place.jobs["queued"]), Job.objects.count()) == ("queued", before)


def test_an_unknown_job_is_nowhere(admin_client: Client) -> None:
    for what in ("cancel", "retry"):
        path = reverse(f"admin:jobs_job_{what}", args=[uuid.uuid4()])
        assert admin_client.post(path).status_code == 404


def test_many_are_cancelled_together_and_the_answer_counts(
    place: Place, admin_client: Client
) -> None:
    told = act(admin_client, "cancel_selected", list(place.jobs.values()))
    for state in ("waiting", "queued", "rung"):
        assert state_of(place.jobs[state]) == "cancelled"
    for outcome in ("3 cancelled", "1 running: its worker was asked", "4 had ended before"):
        assert outcome in told
    assert state_of(place.jobs["succeeded"]) == "succeeded"


def test_many_are_retried_together(place: Place, admin_client: Client) -> None:
    chosen = [place.jobs[state] for state in ("failed", "cancelled", "succeeded")]
    told = act(admin_client, "retry_selected", chosen)
    assert Job.objects.filter(retry_of__in=chosen).count() == 2
    assert "2 submitted again" in told
    assert "1 not retried" in told


def test_buttons_are_offered_only_where_they_do_something(
    place: Place, admin_client: Client
) -> None:
    for state, job_id in place.jobs.items():
        shown = page(admin_client, job_id)
        live, again = state in {"waiting", "queued", "rung", "running"}, state != "succeeded"
        assert (f"{job_id}/cancel/" in shown) is live, state
        assert (f"{job_id}/retry/" in shown) is (again and not live), state


def test_the_page_tells_what_was_tried_and_why_it_went_on(
    place: Place, admin_client: Client
) -> None:
    shown = page(admin_client, place.jobs["failed"])
    for told in (
        "did not work",
        "en_US-lessac-medium is not installed",
        "standing in",
        "It stopped in mid-sentence.",
        "engine_failed",
        "Nothing: only work that is done is charged.",
    ):
        assert told in shown


def test_the_audio_is_served_whole_or_in_part_to_be_heard(
    place: Place, admin_client: Client
) -> None:
    job = Job.objects.get(id=place.jobs["succeeded"])
    path = reverse("admin:jobs_job_audio", args=[job.id])
    assert path in page(admin_client, job.id)
    whole = admin_client.get(path)
    assert (whole.status_code, whole["Content-Type"]) == (200, "audio/wav")
    name, first, length = whole[STREAM_HEADER].split()
    assert audio_store().read(name)[:4] == b"RIFF"
    assert job.result is not None
    assert (int(first), int(length)) == (0, job.result["bytes"])
    part = admin_client.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part["Content-Length"]) == (206, "100")
    assert admin_client.post(path).status_code == 405


def test_a_job_without_audio_offers_none(place: Place, admin_client: Client) -> None:
    path = reverse("admin:jobs_job_audio", args=[place.jobs["failed"]])
    assert path not in page(admin_client, place.jobs["failed"])
    assert admin_client.get(path).status_code == 409


def test_what_was_forgotten_is_not_shown_nor_retried(place: Place, admin_client: Client) -> None:
    forgotten = {"forgotten": True, "voice": "ember"}
    Job.objects.filter(id=place.jobs["failed"]).update(request=forgotten)
    shown = page(admin_client, place.jobs["failed"])
    assert "has been forgotten" in shown
    assert "/retry/" not in shown
    Job.objects.filter(id=place.jobs["succeeded"]).update(
        result={**(Job.objects.get(id=place.jobs["succeeded"]).result or {}), "expired": True}
    )
    shown = page(admin_client, place.jobs["succeeded"])
    assert "and is gone" in shown
    assert "<audio" not in shown


def test_a_job_of_another_kind_is_shown_field_by_field(place: Place, admin_client: Client) -> None:
    Job.objects.filter(id=place.jobs["queued"]).update(
        kind="measure", request={"sample_count": 12_000, "deep": True, "tags": ["a", "b"]}
    )
    shown = page(admin_client, place.jobs["queued"])
    for told in ("Sample count", "12,000", "yes", "a, b"):
        assert told in shown


def test_a_job_is_found_by_its_id_its_beginning_or_its_batch(place: Place) -> None:
    job_id, batch = place.jobs["failed"], uuid.uuid4()
    Job.objects.filter(id=job_id).update(batch_id=batch)
    everything = Job.objects.all()
    for term in (str(job_id), job_id.hex, f" {str(job_id)[:18]} ".upper(), str(batch)):
        assert list(search_jobs(everything, term).values_list("id", flat=True)) == [job_id], term
    for term in ("ember", "12", "x" * 40, f"{job_id}0", "'; DROP TABLE jobs_job; --"):
        assert not search_jobs(everything, term).exists(), term


def test_a_search_reads_an_index_and_not_the_ledger(place: Place) -> None:
    for term in (str(place.jobs["failed"]), str(place.jobs["failed"])[:18]):
        sql = str(search_jobs(Job.objects.all(), term).query)
        assert "::text" not in sql
        assert "LIKE" not in sql.upper()


def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(
    place: Place, admin_client: Client
) -> None:
    path = reverse("admin:jobs_queue_changelist")
    for action, paused in (("pause", True), ("resume", False)):
        told = admin_client.post(path, {"action": action, "_selected_action": ["cpu"]}, follow=True)
        assert Queue.objects.get(name="cpu").paused is paused
        assert Queue.objects.get(name="media").paused is False
        assert f"{action.capitalize()}d: cpu." in told.content.decode()


def test_workers_are_told_apart_by_their_heartbeat(place: Place, admin_client: Client) -> None:
    shown = admin_client.get(reverse("admin:jobs_worker_changelist")).content.decode()
    for state in (">alive<", ">draining<", ">silent<"):
        assert shown.count(state) == 1


def test_of_a_stock_voice_only_its_activity_can_be_changed(admin_client: Client, db: None) -> None:
    load_stock_voices()
    voice = Voice.objects.get(tenant=None, slug="ember")
    save_voice(admin_client, voice, name="Stolen", description="Mine")
    voice.refresh_from_db()
    assert (voice.name, voice.active) == ("Ember", False)
    assert load_stock_voices() == []


def test_a_tenants_voice_can_be_described_but_not_bound_anew(
    place: Place, admin_client: Client
) -> None:
    voice = Voice.objects.get(tenant=place.tenant)
    save_voice(admin_client, voice, name="New", description="Said", language="en-IE", slug="other")
    voice.refresh_from_db()
    assert (voice.name, voice.description, voice.language) == ("New", "Said", "en-IE")
    assert (voice.slug, voice.active, voice.revisions.count()) == ("counter", False, 1)


def save_voice(client: Client, voice: Voice, **fields: str) -> None:
    """As its form would, with `active` unticked."""
    inlines = {"revisions-TOTAL_FORMS": "0", "revisions-INITIAL_FORMS": "0"}
    inlines["version"] = str(voice.version)
    path = reverse("admin:voices_voice_change", args=[voice.id])
    assert client.post(path, fields | inlines).status_code == 302


def test_every_state_has_words() -> None:
    assert set(STATES) == set(State)
    assert event_words("job.succeeded") == "done"
    assert event_words("voice.ready") == "voice ready"


def test_a_batchs_jobs_are_listed_by_its_link(place: Place, admin_client: Client) -> None:
    batch = uuid.uuid4()
    jobs = [submit(place.tenant, "One of two."), submit(place.tenant, "Two of two.")]
    Job.objects.filter(id__in=jobs).update(batch_id=batch, created_at=Now())
    answer = admin_client.get(f"{reverse('admin:jobs_job_changelist')}?q={batch}")
    assert {job.id for job in answer.context["cl"].result_list} == set(jobs)
