"""Jobs that an engine is to refuse, as nobody would accept them who looks at what it can do."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.services.accept import Step
from jobs.states import State
from synthesis_worker.contract import Waveform
from tests.ledger import submit
from tests.own import add_sample
from tests.sound_files import pcm_file, piece, speech
from voices import storage
from voices.store import artifact_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from jobs.models import Job
    from tenants.models import Tenant
    from voices.models import Sample, Voice

BINDING = ("render", "model", "speaker", "dials", "seed", "substitute", "artifact")
PICKLE = b"\x80\x04cos\nsystem\n(S'false'\ntR."
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"spoken": "...?!"}, "nothing_to_say"),
    ({"spoken": "\x07\x1b\x85"}, "nothing_to_say"),
    ({"spoken": "a" * 100_000}, "text_too_long"),
    ({"language": "xx"}, "language_unsupported"),
    ({"language": "\x85"}, "language_unsupported"),
    ({"dials": {"speed": 2.01}}, "dial_out_of_range"),
    ({"dials": {"warmth": 1.0}}, "unsupported"),
    ({"model": "other"}, "model_missing"),
    ({"speaker": 1}, "unknown_speaker"),
    ({"artifact": None}, "voice_missing"),
]


def accepted(tenant: Tenant, engine: str, queue: str, **changed: Any) -> UUID:
    fields: dict[str, Any] = {
        "text": "Hello.", "spoken": "Hello.", "language": "en", "format": "wav", "voice": "brand",
        "revision": "1", "sample_rate": None, "render": uuid.uuid4().hex, "model": engine,
        "speaker": None, "dials": {}, "seed": 0, "substitute": False, "artifact": None, **changed,
    }  # fmt: skip
    asked = {name: value for name, value in fields.items() if name not in BINDING}
    plan = [Step(engine, queue, {name: fields[name] for name in BINDING})]
    return submit(tenant, kind="synthesize", plan=plan, request=asked)


def wrong_asks(tenant: Tenant, engine: str, queue: str, artifact: str) -> dict[UUID, str]:
    """Jobs, and what comes of them."""
    wrong = [*WRONG, ({"artifact": put_artifact(tenant, PICKLE)}, "artifact_damaged")]
    return {
        accepted(tenant, engine, queue, **{"artifact": artifact, **changed}): code
        for changed, code in wrong
    }


def put_artifact(tenant: Tenant, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    name = artifact_name(tenant.id, sha256)
    storage.audio_store().put(name, data, media_type="application/octet-stream")
    return sha256


def wrong_takes(shortest: float) -> dict[bytes, str]:
    """Files, and what comes of them."""
    spoken = speech()
    return {
        pcm_file(piece(spoken, shortest - 0.05)): "sample_too_short",
        pcm_file(_quieter(piece(spoken, 6.0))): "sample_silent",
        b"RIFF, and nothing of the kind": "bad_audio",
    }


def take(voice: Voice, data: bytes) -> Sample:
    """As if the probe had found it to be of six seconds."""
    assert voice.tenant_id
    heard = storage.put_audio(voice.tenant_id, data, "wav")
    return add_sample(voice, seconds=6.0, seed=len(data), sha256=heard)


def stored(tenant: Tenant) -> set[str]:
    return {one.name for one in storage.audio_store().names(f"{tenant.id}/")}


def came_to(jobs: Iterable[Job]) -> list[tuple[str, str, int]]:
    return [(job.state, job.error_code, job.failures) for job in jobs]


def for_good(codes: Iterable[str]) -> list[tuple[str, str, int]]:
    return [(State.FAILED, code, 0) for code in codes]


def _quieter(sound: Waveform) -> Waveform:
    return Waveform(sound.samples * np.float32(1e-4), sound.sample_rate)
