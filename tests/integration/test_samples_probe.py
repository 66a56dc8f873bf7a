"""Probes: a verdict and its recording in one commit, free of charge, and always with an end."""

from __future__ import annotations

import hashlib
import io
import wave
from typing import TYPE_CHECKING, Any

import pytest

from jobs.answering import answer_bell
from jobs.keeper import Stop
from jobs.models import Usage
from jobs.services.claims import claim_job
from jobs.services.endings import cancel_job, retry_job
from synthesis_worker.samples import examine
from tests.ledger import ago, change, events, look, lose
from tests.recordings import examined, job_of, own_voice, recording, samples_at, send, uploaded
from tests.speech import JOBS, keyed
from voices.models import Sample
from voices.named import CANONICAL
from voices.samples.probes import Heard, finish_probe
from voices.storage import audio_store
from voices.store import audio_name, upload_name

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob
    from tenants.models import Tenant
    from voices.models import Voice

pytestmark = pytest.mark.django_db(transaction=True)

NOISE: dict[str, Any] = {"verdict": "rejected", "reasons": [], "measures": None, "peaks": []}


@pytest.fixture
def client(tenant: Tenant) -> Client:
    return keyed(tenant)


@pytest.fixture
def voice(tenant: Tenant) -> Voice:
    return own_voice(tenant)


def wav_of(sample: Sample) -> str:
    return audio_name(sample.tenant_id, sample.sha256, CANONICAL)


def original_of(sample: Sample) -> str:
    return upload_name(sample.tenant_id, sample.original)


def shown(client: Client, sample: Sample) -> dict[str, Any]:
    answer = client.get(f"{samples_at('mine')}/{sample.id}")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def test_speech_is_accepted_and_kept_as_one_plain_wav_under_its_hash(
    client: Client, voice: Voice
) -> None:
    sample = examined(uploaded(client, voice))
    data = audio_store().read(wav_of(sample))
    assert sample.state in {Sample.State.ACCEPTED, Sample.State.WARNED}, sample.verdict
    assert hashlib.sha256(data).hexdigest() == sample.sha256
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        assert file.getnframes() / 24_000 == pytest.approx(sample.seconds, abs=0.1)
    assert sample.seconds == pytest.approx(8.0, abs=0.2)
    told = shown(client, sample)
    assert (told["sha256"], told["audio_url"]) == (
        sample.sha256,
        f"/api/v1/voices/{voice.id}/samples/{sample.id}/audio",
    )
    assert len(told["peaks"]) > 50
    assert told["measures"]["sample_rate"] == 24_000


def test_what_is_no_sound_is_rejected_with_a_reason_and_a_tip(client: Client, voice: Voice) -> None:
    for data in (b"", b"plain words", bytes(5_000)):
        sample = examined(uploaded(client, voice, data))
        told = shown(client, sample)
        assert (told["state"], told["usable"], told["audio_url"]) == ("rejected", False, None)
        assert all(reason["code"] and reason["tip"] for reason in told["reasons"])
        assert told["reasons"]
        assert job_of(sample).state == "succeeded"


def test_a_probe_tells_its_end_and_costs_nothing(client: Client, voice: Voice) -> None:
    sample = examined(uploaded(client, voice))
    job = job_of(sample)
    assert (job.state, job.progress) == ("succeeded", 1.0)
    assert [name for _, name in events(job.id)][-1] == "job.succeeded"
    assert job.result == {
        "sample": str(sample.id),
        "verdict": sample.state,
        "seconds": round(sample.seconds, 3),
        "reasons": [reason["code"] for reason in sample.verdict["reasons"]],
    }
    assert not Usage.objects.exists()
    assert client.get("/api/v1/usage").json()["rows"] == []
    assert client.get(f"{JOBS}/{job.id}").json()["audio_url"] is None


def test_a_worker_that_lost_its_lease_writes_nothing(client: Client, voice: Voice) -> None:
    sample = uploaded(client, voice)
    late = claim_job(str(sample.job_id), worker="late")
    assert late is not None
    lose(late.id)
    assert finish_probe(late, Heard(NOISE)) is False
    sample.refresh_from_db()
    assert (sample.state, sample.verdict, job_of(sample).state) == ("probing", {}, "queued")
    assert examined(sample).state != "probing"


def test_a_cancel_ends_the_child_and_leaves_no_verdict(client: Client, voice: Voice) -> None:
    sample = uploaded(client, voice)

    def cancelled(job: ClaimedJob, held: Held) -> None:
        held.stop = Stop.CANCELLED
        examine(job, held)

    answer_bell(str(sample.job_id), cancelled)
    assert job_of(sample).state == "cancelled"
    told = shown(client, sample)
    assert told["state"] == "rejected"
    [reason] = told["reasons"]
    assert (reason["code"], "Upload the same file again" in reason["tip"]) == ("not_examined", True)


@pytest.mark.parametrize("how", ["cancelled", "poison", "gone from the store", "spoilt there"])
def test_a_probe_that_ends_without_a_verdict_leaves_no_sample_that_is_probed_for_ever(
    client: Client, voice: Voice, how: str
) -> None:
    sample = uploaded(client, voice)
    assert sample.job_id is not None
    if how == "cancelled":
        cancel_job(tenant_id=sample.tenant_id, job_id=sample.job_id)
    elif how == "poison":
        lose(sample.job_id, times=2)
        change(sample.job_id, state="rung", rung_at=ago(seconds=0))
        lose(sample.job_id)
    else:
        audio_store().delete(original_of(sample))
        if how == "spoilt there":
            audio_store().put(original_of(sample), b"other", media_type="audio/wav")
        answer_bell(str(sample.job_id), examine)
    assert look(sample.job_id).state == ("cancelled" if how == "cancelled" else "failed")
    listed = client.get(samples_at(voice)).json()["samples"]
    assert [one["state"] for one in listed] == ["rejected"]
    assert listed[0]["reasons"][0]["code"] == "not_examined"


def test_the_same_file_again_gives_an_unexamined_sample_another_probe(
    client: Client, voice: Voice
) -> None:
    sample = uploaded(client, voice)
    first = sample.job_id
    assert first is not None
    cancel_job(tenant_id=sample.tenant_id, job_id=first)
    answer = send(client, voice, recording())
    assert answer.status_code == 202
    assert answer.json()["files"][0]["sample"]["id"] == str(sample.id)
    sample.refresh_from_db()
    assert (sample.state, sample.job_id != first) == ("probing", True)
    assert examined(sample).state != "rejected"


def test_a_probe_that_was_cancelled_can_be_retried(client: Client, voice: Voice) -> None:
    sample = uploaded(client, voice)
    assert sample.job_id is not None
    cancel_job(tenant_id=sample.tenant_id, job_id=sample.job_id)
    assert shown(client, sample)["state"] == "rejected"
    again = retry_job(tenant_id=sample.tenant_id, job_id=sample.job_id, ceiling=100)
    answer_bell(str(again.id), examine)
    assert shown(client, sample)["state"] != "rejected"


def test_originals_are_kept_unless_the_setting_says_otherwise(
    client: Client, voice: Voice, settings: Settings
) -> None:
    kept = examined(uploaded(client, voice, recording(2.0)))
    settings.KEEP_ORIGINALS = False
    dropped = examined(uploaded(client, voice, recording(3.0)))
    assert (kept.original_kept, dropped.original_kept) == (True, False)
    assert audio_store().exists(original_of(kept))
    assert not audio_store().exists(original_of(dropped))
    again = send(client, voice, recording(3.0))  # known by its hash, and not kept this time either
    assert again.status_code == 200
    assert not audio_store().exists(original_of(dropped))
    assert audio_store().exists(wav_of(dropped))


def test_an_original_that_another_sample_of_the_tenant_needs_is_not_dropped(
    client: Client, tenant: Tenant, voice: Voice, settings: Settings
) -> None:
    settings.KEEP_ORIGINALS = False
    first = uploaded(client, voice)
    second = uploaded(client, own_voice(tenant, "second"))
    assert audio_store().exists(original_of(examined(first)))
    assert examined(second).state == first.state != "rejected"
    assert not audio_store().exists(original_of(first))


def test_a_sample_deleted_while_it_is_examined_leaves_nothing_in_the_store(
    client: Client, voice: Voice
) -> None:
    sample = uploaded(client, voice)

    def deleted(job: ClaimedJob, held: Held) -> None:
        Sample.objects.filter(id=sample.id).delete()
        finish_and_more(job, held)

    def finish_and_more(job: ClaimedJob, held: Held) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("synthesis_worker.samples.upload_of", lambda _job: original_of(sample))
            examine(job, held)

    answer_bell(str(sample.job_id), deleted)
    assert (job_of(sample).state, job_of(sample).error_code) == ("failed", "sample_gone")
    prefix = f"{sample.tenant_id}/"
    names = [stored.name for stored in audio_store().names(prefix)]
    assert [name for name in names if name.endswith(".wav")] == []
