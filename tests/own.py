"""Voices of one's own for tests: with samples in the store, with consent, cloned."""

from __future__ import annotations

import hashlib
import io
import threading
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import connections
from django.db.models.functions import Now

from jobs.states import State
from tenants.audit import PLATFORM
from tests.conftest import make_caller
from tests.speech import SYNTHESIZE, post, speak
from voices.models import Consent, Removal, Sample, Voice
from voices.owning.beginning import MakingRequest
from voices.owning.cloning import submit_clone
from voices.owning.consents import Agreement, give_consent, withdraw_consent
from voices.owning.describing import create_voice
from voices.storage import put_audio

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from jobs.models import Job
    from tenants.models import Tenant

MEASURES = {"snr_db": 30.0, "loudness_lufs": -20.0, "speech_share": 0.9}
TEXT_VERSION = "2026-11"


def own_voice(tenant: Tenant, slug: str = "brand", **described: str) -> Voice:
    """One that nobody can speak yet."""
    fields = {"name": slug.title(), "language": "en-GB"} | described
    return create_voice(tenant_id=tenant.id, actor=PLATFORM, slug=slug, **fields)


def recording(seconds: float = 2.0, seed: int = 1) -> bytes:
    """A canonical WAV of noise."""
    noise = np.random.default_rng(seed).integers(-9_000, 9_000, int(seconds * 24_000))
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(24_000)
        wav.writeframes(noise.astype(np.int16).tobytes())
    return file.getvalue()


def add_sample(voice: Voice, *, seconds: float = 2.0, seed: int = 1, **changed: Any) -> Sample:
    """As the probe leaves one that it likes, with its bytes in the store."""
    assert voice.tenant_id is not None
    data = recording(seconds, seed)
    fields: dict[str, Any] = {
        "tenant_id": voice.tenant_id,
        "voice": voice,
        "name": f"take {seed}.wav",
        "original": hashlib.sha256(b"as it came" + data).hexdigest(),
        "original_bytes": len(data),
        "original_kept": False,
        "state": Sample.State.ACCEPTED,
        "sha256": put_audio(voice.tenant_id, data, "wav"),
        "seconds": seconds,
        "verdict": {"verdict": "accepted", "reasons": [], "measures": MEASURES},
    }
    return Sample.objects.create(**(fields | changed))


def agree(voice: Voice, speaker: str = "Ada Example", **changed: Any) -> Consent:
    """The speaker's consent to all that can be used."""
    agreement = Agreement(speaker=speaker, text_version=TEXT_VERSION, **changed)
    return give_consent(voice=voice, actor=PLATFORM, agreement=agreement)


def ask_clone(voice: Voice, **changed: Any) -> str:
    assert voice.tenant is not None
    asked = MakingRequest(caller=make_caller(voice.tenant), voice=voice.slug, **changed)
    return str(submit_clone(asked).id)


def clone(voice: Voice, **changed: Any) -> Job:
    """Have it cloned here and now."""
    job = speak(ask_clone(voice, **changed))
    assert job.state == State.SUCCEEDED, (job.error_code, job.error_message)
    voice.refresh_from_db()
    return job


def cloned_voice(tenant: Tenant, slug: str = "brand", seed: int = 1) -> Voice:
    """With a sample and a consent, cloned by the mimic and published."""
    voice = own_voice(tenant, slug)
    add_sample(voice, seed=seed)
    agree(voice)
    clone(voice)
    return voice


def say(client: Client, text: str = "Hello.", voice: str = "brand", **more: object) -> str:
    """A job that is to speak it."""
    answer = post(client, SYNTHESIZE, {"text": text, "voice": voice} | more)
    assert answer.status_code in {200, 202}, answer.json()
    return str(answer.json()["id"])


def withdraw(voice: Voice) -> None:
    """Its one consent."""
    withdraw_consent(consent=voice.consents.get(), actor=PLATFORM)


def time_passes() -> None:
    """Who was removing objects from the store has had the time for it."""
    Removal.objects.update(due_at=Now())


def apart(action: Callable[[], object]) -> threading.Thread:
    """A thread that does it on a connection of its own."""

    def act() -> None:
        try:
            action()
        finally:
            connections.close_all()

    return threading.Thread(target=act)
