"""Hearing a voice: a sentence in it that is always there."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.db.models.functions import Now

from jobs.models import Job
from jobs.services.accept import find_made
from jobs.states import FINAL, Priority, State
from tenants.audit import PLATFORM
from tenants.callers import caller_for
from tenants.models import Tenant
from tenants.scopes import Scope
from voices.owning.errors import SampleNotMadeError
from voices.requests import SynthesisRequest, body_hash
from voices.selectors import spoken_voice
from voices.services import Ask, submit_synthesis
from voices.text.languages import primary_language

if TYPE_CHECKING:
    from uuid import UUID

    from tenants.callers import Caller
    from voices.accepting import Submitted

log = logging.getLogger(__name__)

SENTENCES: dict[str, str] = json.loads(
    Path(__file__).with_name("sentences.json").read_text(encoding="utf-8")
)
OURS = "\N{SECTION SIGN} voice sample"  # no client can send such a key
AGAIN = timedelta(minutes=1)


def submit_sample(caller: Caller, reference: str) -> Submitted:
    """A short sentence in this voice, spoken once and then at hand for whoever asks next.

    Only who may have something spoken gets it made.
    """
    voice = spoken_voice(caller.tenant_id, reference)
    request = SynthesisRequest(
        text=sentence_in(voice.language),
        voice=str(voice.id),
        language=voice.language,
        format="mp3",
        priority=Priority.INTERACTIVE,
    )
    body = body_hash(request.as_json())
    key, is_made = _look_up(caller.tenant_id, f"{OURS} {voice.revision_id} {body}")
    if not is_made and Scope.JOBS_WRITE not in caller.scopes:
        raise SampleNotMadeError
    return submit_synthesis(Ask(caller, request, key, body))


def greet(tenant_id: UUID, voice_id: UUID) -> None:
    """Have the sentence of a fresh voice spoken, so that it is there when somebody looks.

    It is a kindness: whatever is in its way is not their trouble.
    """
    try:
        tenant = Tenant.objects.select_related("tier").get(id=tenant_id)
        submit_sample(caller_for(tenant, [Scope.JOBS_WRITE], PLATFORM), str(voice_id))
    except Exception as error:  # noqa: BLE001 - whoever made the voice has made it
        log.warning("the voice's sentence is not spoken yet: %s", error)


def sentence_in(language: str) -> str:
    return SENTENCES.get(primary_language(language), SENTENCES["en"])


def _look_up(tenant_id: UUID, key: str) -> tuple[str, bool]:
    """The key of the sentence, and whether it is made; what came to nothing has another one."""
    while (made := find_made([(tenant_id, key)]).get((tenant_id, key))) is not None:
        if not _came_to_nothing(made.job_id):
            return key, True
        key = f"{OURS} {made.job_id}"
    return key, False


def _came_to_nothing(job_id: UUID) -> bool:
    """A while ago: whoever asks again and again is told why for so long."""
    ended = Job.objects.filter(id=job_id, ended_at__lt=Now() - AGAIN)
    return ended.filter(state__in=FINAL - {State.SUCCEEDED}).exists()
