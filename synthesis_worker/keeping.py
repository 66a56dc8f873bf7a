"""Keeping what was made of a voice: in the store, and named by the row that tells of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jobs.patience import patiently
from voices import storage
from voices.errors import VoiceError
from voices.owning.making import finish_making
from voices.owning.removals import remove_now
from voices.store import StoreError, artifact_name
from voices.store.names import media_type_of

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob
    from voices.owning.making import Made


def keep_made(job: ClaimedJob, held: Held, data: bytes | Path, made: Made) -> None:
    finish = partial(_put_and_finish, job, data, made)
    name = artifact_name(job.tenant_id, made.sha256)
    try:
        kept = patiently(held, finish, away=(StoreError,))
    except VoiceError:  # its consent was withdrawn, or it was erased: nothing is left behind
        remove_now([name])
        raise
    if not kept:
        remove_now([name])


def _put_and_finish(job: ClaimedJob, data: bytes | Path, made: Made) -> bool:
    """Nobody takes the object away between the put and the row that names it."""
    name = artifact_name(job.tenant_id, made.sha256)
    with storage.putting(name):
        storage.audio_store().put(name, data, media_type=media_type_of(name))
        return finish_making(job, made)
