"""A job's audio: found, described for HTTP, and linked to for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from jobs.states import State
from voices.errors import AudioErasedError, AudioExpiredError, AudioLostError, AudioNotReadyError
from voices.renders import forget_file
from voices.requests import FORMATS
from voices.storage import audio_store, folder_store
from voices.store import audio_name, safe_file_name

if TYPE_CHECKING:
    from jobs.models import Job


@dataclass(frozen=True, slots=True)
class Audio:
    """A file in the store, and what to call it."""

    name: str
    sha256: str
    size: int
    media_type: str
    file_name: str


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    expires_at: datetime


def audio_of(job: Job) -> Audio:
    """The audio a job made; 409 where it has none (yet), 410 where it is no more."""
    if job.result and job.result.get("erased"):
        raise AudioErasedError
    if job.state != State.SUCCEEDED or not job.result or "sha256" not in job.result:
        raise AudioNotReadyError
    if job.result.get("expired"):
        raise AudioExpiredError
    kind = job.result["format"]
    return Audio(
        name=audio_name(job.tenant_id, job.result["sha256"], kind),
        sha256=job.result["sha256"],
        size=job.result["bytes"],
        media_type=FORMATS[kind],
        file_name=safe_file_name(f"{job.result['voice']}-{str(job.id)[:13]}", kind),
    )


def lose_audio(name: str) -> AudioLostError:
    """The store has lost a file: no later request is answered with it. What to tell this one."""
    tenant_id, _, file = name.split("/")
    try:
        forget_file(tenant_id, file.partition(".")[0])
    finally:
        connection.close()  # a thread that reads audio keeps none
    return AudioLostError()


def link_to(audio: Audio) -> Link:
    """An address that serves the audio to anyone for a few minutes."""
    url = audio_store().link(
        audio.name,
        seconds=settings.LINK_SECONDS,
        file_name=audio.file_name,
        media_type=audio.media_type,
    )
    return Link(url, datetime.now(UTC) + timedelta(seconds=settings.LINK_SECONDS))


def linked_audio(name: str, query: str) -> Audio:
    """What a link of the local folder serves; it raises where the link is not one of ours."""
    opened = folder_store().verify_link(name, query)
    stored = folder_store().stat(opened.name)
    sha256 = opened.name.rpartition("/")[2].partition(".")[0]
    return Audio(opened.name, sha256, stored.size, opened.media_type, opened.file_name)
