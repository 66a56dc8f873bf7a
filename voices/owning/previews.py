"""Sentences that a trained voice speaks by itself, so that a person can compare and choose."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.states import Priority
from tenants.audit import PLATFORM
from tenants.callers import caller_for
from tenants.models import Tenant
from tenants.scopes import Scope
from voices.models import Artifact
from voices.owning.greeting import sentence_in
from voices.requests import SynthesisRequest
from voices.services import Ask, submit_synthesis
from voices.text.languages import primary_language

if TYPE_CHECKING:
    from uuid import UUID

    from tenants.callers import Caller

SETS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("previews.json").read_text(encoding="utf-8")
)
PREVIEWS = "previews"

log = logging.getLogger(__name__)


def preview(artifact_id: UUID) -> None:
    """A kindness: whatever is in its way, the voice is trained."""
    try:
        _preview(Artifact.objects.select_related("voice").get(id=artifact_id))
    except Exception as error:  # noqa: BLE001 - see above
        log.info("what the voice can say is not spoken yet: %s", error)


def _preview(artifact: Artifact) -> None:
    tenant = Tenant.objects.select_related("tier").get(id=artifact.tenant_id)
    caller = caller_for(tenant, [Scope.JOBS_WRITE], PLATFORM)
    said: list[dict[str, str]] = []
    artifact.about[PREVIEWS] = said
    try:
        for text in sentences_in(artifact.voice.language):
            job_id = _submit(caller, artifact, text)
            said.append({"text": text, "job_id": str(job_id)})
    finally:  # what is spoken is listed, also where the next one is refused
        artifact.save(update_fields=["about"])


def _submit(caller: Caller, artifact: Artifact, text: str) -> UUID:
    """By its own engine, and as the draft has it: it may not be published yet."""
    request = SynthesisRequest(
        text=text,
        voice=str(artifact.voice_id),
        language=artifact.voice.language,
        engine=artifact.engine,
        format="mp3",
        priority=Priority.INTERACTIVE,
    )
    return submit_synthesis(Ask(caller, request, draft=True)).id


def sentences_in(language: str) -> list[str]:
    """The set of the language; where there is none, the one sentence that each has."""
    return SETS.get(primary_language(language)) or [sentence_in(language)]
