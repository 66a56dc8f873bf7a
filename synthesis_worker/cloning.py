"""Cloning: samples go to an engine, and what it made of them is kept."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

from jobs.answering import check_stop
from synthesis_worker import audio
from synthesis_worker.contract import CloningEngine, ModelMissing, Unsupported
from synthesis_worker.equipment import engines
from synthesis_worker.fetching import fetch
from synthesis_worker.keeping import keep_made
from synthesis_worker.telling import ProgressTeller, go_on
from voices.named import CANONICAL
from voices.owning.making import Made
from voices.store import audio_name

if TYPE_CHECKING:
    from typing import Any

    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob
    from synthesis_worker.contract import VoiceArtifact, Waveform


def clone_voice(job: ClaimedJob, held: Held) -> None:
    """Have the engine listen to the samples, and keep what it made of them."""
    engine = _cloning_engine(job.engine)
    samples = [_fetch(job, held, sha256) for sha256 in job.binding["samples"]]
    artifact = engine.clone(samples, partial(go_on, held, ProgressTeller(job)))
    check_stop(held)
    _keep(job, held, artifact)


def _cloning_engine(name: str) -> CloningEngine:
    engine: Any = engines().get(name)
    if engine is None:
        raise ModelMissing(f"This worker has no engine {name!r}.", code="engine_missing")
    if not hasattr(engine, "clone"):  # one that lacks its model says so itself
        raise Unsupported(f"{name} does not clone.", code="cloning_unsupported")
    cloning: CloningEngine = engine
    return cloning


def _fetch(job: ClaimedJob, held: Held, sha256: str) -> Waveform:
    return audio.decode(fetch(audio_name(job.tenant_id, sha256, CANONICAL), held))


def _keep(job: ClaimedJob, held: Held, artifact: VoiceArtifact) -> None:
    sha256 = hashlib.sha256(artifact.data).hexdigest()
    made = Made(sha256, len(artifact.data), artifact.digest, artifact.likeness)
    keep_made(job, held, artifact.data, made)
