"""Hearing a voice: a sentence in it that is always there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.models import Job
from jobs.states import FINAL, Priority, State
from voices.requests import SynthesisRequest, body_hash
from voices.routing import primary
from voices.selectors import spoken_voice
from voices.services import Ask, submit_synthesis

if TYPE_CHECKING:
    from uuid import UUID

    from tenants.callers import Caller
    from voices.accepting import Submitted

SENTENCES: dict[str, str] = json.loads(
    Path(__file__).with_name("sentences.json").read_text(encoding="utf-8")
)


def submit_sample(caller: Caller, reference: str) -> Submitted:
    """A short sentence in this voice, spoken once and then at hand for whoever asks next."""
    voice = spoken_voice(caller.tenant_id, reference)
    sentence = SENTENCES.get(primary(voice.language), SENTENCES["en"])
    request = SynthesisRequest(
        text=sentence, voice=str(voice.id), format="mp3", priority=Priority.INTERACTIVE
    )
    key = f"voice-sample {voice.revision_id}"
    made = submit_synthesis(Ask(caller, request, key, body_hash(request.as_json())))
    if made.replayed and _has_failed(made.id):
        return submit_synthesis(Ask(caller, request))
    return made


def _has_failed(job_id: UUID) -> bool:
    """Its key keeps it for a day; what came to nothing is tried again."""
    return Job.objects.filter(id=job_id, state__in=FINAL - {State.SUCCEEDED}).exists()
