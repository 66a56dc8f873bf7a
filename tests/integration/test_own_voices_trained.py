"""A voice trained elsewhere: routed by its own language, spoken by Piper from the store's file."""

from __future__ import annotations

import hashlib
import io
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
import soundfile

from jobs.services.workers import offer_engine
from jobs.states import State
from synthesis_worker.engines.piper import PiperEngine
from synthesis_worker.equipment import engines
from synthesis_worker.speaking import artifacts
from tests.nano_voice import trained_nano_voice
from tests.own import add_sample, agree, own_voice, say, withdraw
from tests.speech import SYNTHESIZE, post, problem_of, speak
from voices.models import Artifact, Binding, Making, Revision
from voices.selectors import forget_remembered
from voices.storage import audio_store
from voices.store import artifact_name, audio_name
from voices.store.names import media_type_of

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client

    from tenants.models import Tenant
    from voices.models import Voice

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def piper(mimic: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PiperEngine:
    """On a worker that has no voice installed."""
    engine = PiperEngine(tmp_path)
    monkeypatch.setitem(engines(), "piper", engine)
    offer_engine(engine="piper", queue="cpu", capabilities=asdict(engine.capabilities))
    forget_remembered()
    return engine


def keep(voice: Voice, data: bytes) -> Artifact:
    """As the end of a training leaves it."""
    assert voice.tenant_id is not None
    sha256 = hashlib.sha256(data).hexdigest()
    name = artifact_name(voice.tenant_id, sha256)
    audio_store().put(name, data, media_type=media_type_of(name))
    fields = {"tenant_id": voice.tenant_id, "voice": voice, "engine": "piper"}
    consent = voice.consents.get()
    making = Making.objects.create(
        job_id=uuid.uuid4(), consent=consent, kind="train", samples=consent.samples, **fields
    )
    about = {"language": "en-GB"}
    return Artifact.objects.create(
        making=making, sha256=sha256, bytes=len(data), about=about, **fields
    )


def trained_voice(tenant: Tenant, data: bytes) -> Voice:
    voice = own_voice(tenant)
    add_sample(voice)
    agree(voice)
    revision = Revision.objects.create(voice=voice, number=1, state=Revision.State.PUBLISHED)
    Binding.objects.create(
        revision=revision, engine="piper", model="trained", artifact=keep(voice, data)
    )
    return voice


def test_it_speaks_from_the_store(tenant: Tenant, mine: Client) -> None:
    trained_voice(tenant, trained_nano_voice(sample_rate=22050))
    job = speak(say(mine, format="wav"))
    assert job.state == State.SUCCEEDED, job.error_message
    assert job.result is not None
    assert (job.result["engine"], job.result["model"]) == ("piper", "trained")
    sound = audio_store().read(audio_name(tenant.id, job.result["sha256"], "wav"))
    samples, rate = soundfile.read(io.BytesIO(sound))
    assert (rate, abs(samples).max() > 0.01) == (22050, True)


def test_it_is_listed_as_there(tenant: Tenant, mine: Client) -> None:
    trained_voice(tenant, trained_nano_voice())
    [listed] = mine.get("/api/v1/voices/brand").json()["engines"]
    assert listed == {"engine": "piper", "substitute": False, "installed": True, "awake": False}


def test_it_is_refused_in_a_language_it_was_not_trained_in_whatever_its_page_says(
    tenant: Tenant, mine: Client
) -> None:
    voice = trained_voice(tenant, trained_nano_voice())
    voice.language = "de-DE"
    voice.save()
    answer = post(mine, SYNTHESIZE, {"text": "Guten Tag.", "voice": "brand"})
    assert problem_of(answer) == (422, "language_unsupported")
    assert "trained in en-GB, not in de-DE" in answer.json()["detail"]
    assert speak(say(mine, language="en")).state == State.SUCCEEDED


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"nothing of the kind", "artifact_damaged"),
        (trained_nano_voice({"phoneme_type": "pinyin"}), "artifact_unfit"),
    ],
)
def test_a_file_that_is_no_voice_ends_the_job_with_its_code(
    tenant: Tenant, mine: Client, data: bytes, code: str
) -> None:
    trained_voice(tenant, data)
    job = speak(say(mine))
    assert (job.state, job.error_code) == (State.FAILED, code)
    assert "train it again" in job.error_message


def test_a_withdrawn_consent_silences_it_while_it_is_in_memory(
    tenant: Tenant, mine: Client, piper: PiperEngine
) -> None:
    voice = trained_voice(tenant, trained_nano_voice())
    accepted = say(mine, "Said before.")
    speak(say(mine))
    assert len(piper._voices) == 1
    assert len(artifacts)
    withdraw(voice)
    assert speak(accepted).state != State.SUCCEEDED
    refused = post(mine, SYNTHESIZE, {"text": "Said after.", "voice": "brand"})
    assert problem_of(refused) == (403, "consent_withdrawn")
