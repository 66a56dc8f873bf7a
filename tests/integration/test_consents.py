"""No voice without consent, in the service and in the database; and how a clone ends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, connections, transaction

from jobs.models import Event, Job
from jobs.services.accept import NewJob, Step, submit_job
from jobs.states import State
from synthesis_worker.contract import SpeechError
from tenants.models import AuditLine
from tests.engines import MimicEngine
from tests.ledger import look
from tests.own import add_sample, agree, ask_clone, clone, cloned_voice, own_voice, say, withdraw
from tests.speech import post, problem_of, speak
from voices.models import Making, Status, Voice

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant
    from voices.models import Consent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mimic")]

CLONE = "/api/v1/jobs/clone"
WITHDRAWN = "consent_withdrawn"
HASH = "a" * 64


def test_a_consent_says_who_when_and_to_which_words_for_which_recordings(
    tenant: Tenant, mine: Client
) -> None:
    voice = own_voice(tenant)
    sample = add_sample(voice)
    body = {"speaker": "Ada Example", "text_version": "2026-11", "samples": [str(sample.id)]}
    made = post(mine, f"/api/v1/voices/{voice.id}/consents", body | {"recording": str(sample.id)})
    assert made.status_code == 201, made.json()
    told = made.json()
    assert (told["speaker"], told["samples"]) == ("Ada Example", [sample.sha256])
    assert told["recorded_by"].startswith("vm_")
    assert mine.get(f"/api/v1/voices/{voice.id}/consents").json() == [told]
    line = AuditLine.objects.get(action="consent.given")
    assert line.detail["samples"] == [sample.sha256]
    assert "Ada" not in str(line.detail) + line.object_name


REFUSED: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"text_version": "1999-01"}, (422, "consent_text_unknown")),
    ({"samples": [str(uuid4())]}, (422, "sample_unusable")),
    ({"recording": str(uuid4())}, (422, "sample_unusable")),
    ({"speaker": ""}, (400, "invalid_request")),
    ({"samples": "some"}, (400, "invalid_request")),
    ({"samples": []}, (400, "invalid_request")),
]


@pytest.mark.parametrize(("wrong", "refused"), REFUSED)
def test_a_consent_that_is_none_is_refused(
    tenant: Tenant, mine: Client, wrong: dict[str, Any], refused: tuple[int, str]
) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    body = {"speaker": "Ada", "text_version": "2026-11", "samples": "all"} | wrong
    assert problem_of(post(mine, f"/api/v1/voices/{voice.id}/consents", body)) == refused


@pytest.mark.parametrize(
    "changed",
    [{"state": "rejected"}, {"state": "warned"}, {"state": "warned", "approved": False}],
)
def test_nothing_is_consented_to_that_cannot_be_used(
    tenant: Tenant, mine: Client, changed: dict[str, Any]
) -> None:
    voice = own_voice(tenant)
    sample = add_sample(voice, **changed)
    body = {"speaker": "Ada", "text_version": "2026-11", "samples": "all"}
    path = f"/api/v1/voices/{voice.id}/consents"
    assert problem_of(post(mine, path, body)) == (422, "samples_missing")
    body["samples"] = [str(sample.id)]  # type: ignore[assignment]
    assert problem_of(post(mine, path, body)) == (422, "sample_unusable")


def test_nothing_is_cloned_without_a_consent(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    assert problem_of(post(mine, CLONE, {"voice": "brand"})) == (403, "consent_missing")
    assert not Job.objects.exists()


def test_nor_from_a_recording_that_no_consent_covers(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    add_sample(voice, seed=1)
    agree(voice)
    later = add_sample(voice, seed=2)
    named = post(mine, CLONE, {"voice": "brand", "samples": [str(later.id)]})
    assert problem_of(named) == (403, "consent_missing")
    covered = speak(ask_clone(voice))
    assert later.sha256 not in covered.plan[0]["binding"]["samples"]


def test_nor_after_it_was_withdrawn(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    withdraw(voice)
    assert problem_of(post(mine, CLONE, {"voice": "brand"})) == (403, WITHDRAWN)


@pytest.mark.parametrize(
    ("seconds", "code"), [(0.5, "samples_too_short"), (31.0, "samples_too_long")]
)
def test_nor_from_less_or_more_than_the_engine_takes(
    tenant: Tenant, mine: Client, seconds: float, code: str
) -> None:
    voice = own_voice(tenant)
    add_sample(voice, seconds=seconds)
    agree(voice)
    assert problem_of(post(mine, CLONE, {"voice": "brand"})) == (422, code)


def test_of_many_samples_it_takes_as_many_as_fit(tenant: Tenant) -> None:
    voice = own_voice(tenant)
    samples = [add_sample(voice, seconds=12.0, seed=seed) for seed in range(4)]
    agree(voice)
    job = look(ask_clone(voice))  # type: ignore[arg-type]
    assert job.plan[0]["binding"]["samples"] == [sample.sha256 for sample in samples[:2]]


def test_an_engine_that_does_not_clone_is_refused(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    answer = post(mine, CLONE, {"voice": "brand", "engine": "echo"})
    assert problem_of(answer) == (422, "cloning_unsupported")


def insert_making(consent: Consent, **changed: Any) -> None:
    fields: dict[str, Any] = {
        "job_id": uuid4(),
        "tenant_id": consent.tenant_id,
        "voice_id": consent.voice_id,
        "consent_id": consent.id,
        "kind": "clone",
        "engine": "mimic",
        "samples": consent.samples,
    }
    Making.objects.create(**(fields | changed))


def test_the_database_itself_lets_no_making_in_without_a_consent_that_covers_it(
    tenant: Tenant,
) -> None:
    voice, other = own_voice(tenant), own_voice(tenant, "other")
    add_sample(voice)
    consent = agree(voice)
    wrongs: list[dict[str, Any]] = [{"samples": [HASH]}, {"samples": []}, {"voice_id": other.id}]
    for wrong in wrongs:
        with pytest.raises(IntegrityError, match="no consent covers this"):
            insert_making(consent, **wrong)
    insert_making(consent)
    withdraw(voice)
    with pytest.raises(IntegrityError, match="no consent covers this"):
        insert_making(consent)
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute("UPDATE voices_making SET samples = %s", [f'["{HASH}"]'])


@pytest.mark.parametrize("kind", ["clone", "train"])
def test_the_database_itself_lets_no_clone_or_training_in_without_a_making(
    tenant: Tenant, kind: str
) -> None:
    job = NewJob(tenant_id=tenant.id, kind=kind, plan=[Step("mimic", "cpu")])
    with pytest.raises(IntegrityError, match="needs a consent"):
        submit_job(job)
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="needs a consent"):
        cursor.execute(
            "INSERT INTO jobs_job (id, tenant_id, kind, queue, request, plan, trail)"
            " VALUES (%s, %s, %s, 'cpu', '{}', '[]', '[]')",
            [uuid4(), tenant.id, kind],
        )
    assert not Job.objects.exists()


def test_a_withdrawal_at_the_moment_of_a_making_comes_before_or_after_it(tenant: Tenant) -> None:
    """Two connections: the making is written and not yet committed, then the consent falls."""
    voice = own_voice(tenant)
    add_sample(voice)
    consent = agree(voice)
    job = NewJob(tenant_id=tenant.id, kind="clone", plan=[Step("mimic", "cpu")])
    fallen = threading.Event()

    def withdraw_elsewhere() -> None:
        try:
            withdraw(voice)
        finally:
            fallen.set()
            connections.close_all()

    with transaction.atomic():
        submit_job(job)
        insert_making(consent, job_id=job.id)
        thread = threading.Thread(target=withdraw_elsewhere)
        thread.start()
        assert not fallen.wait(0.3), "it waits for the making"
    thread.join(20)
    consent.refresh_from_db()
    assert consent.withdrawn_at is not None


def test_a_clone_that_fails_says_why_and_tells_the_tenant(tenant: Tenant, mine: Client) -> None:
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    MimicEngine.trouble = SpeechError("The speaker cannot be made out.", code="no_speaker")
    job = speak(ask_clone(voice))
    assert (job.state, job.error_code) == (State.FAILED, "no_speaker")
    shown = mine.get("/api/v1/voices/brand").json()
    assert (shown["status"], shown["trouble"]) == ("failed", "The speaker cannot be made out.")
    told = Event.objects.get(name="voice.failed").data
    assert (told["voice_id"], told["code"]) == (str(voice.id), "no_speaker")
    again = post(mine, f"/api/v1/jobs/{job.id}/retry", {})
    assert problem_of(again) == (409, "not_retriable")
    MimicEngine.trouble = None
    clone(voice)
    assert mine.get("/api/v1/voices/brand").json()["trouble"] == ""


def test_a_clone_that_is_cancelled_leaves_the_voice_as_it_was(tenant: Tenant, mine: Client) -> None:
    fresh, ready = own_voice(tenant), cloned_voice(tenant, "other", seed=2)
    add_sample(fresh)
    agree(fresh)
    for voice, before in ((fresh, Status.NONE), (ready, Status.READY)):
        job_id = ask_clone(voice)
        assert Voice.objects.get(id=voice.id).status == Status.TRAINING
        post(mine, f"/api/v1/jobs/{job_id}/cancel", {})
        assert Voice.objects.get(id=voice.id).status == before
    assert speak(say(mine, voice="other")).state == State.SUCCEEDED
