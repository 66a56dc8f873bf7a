"""Examining a sample: an upload goes in, a verdict and a clean WAV come out."""

from __future__ import annotations

import hashlib
import shutil
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from jobs.answering import check_stop
from jobs.patience import patiently
from synthesis_worker.fetching import fetch
from synthesis_worker.probing import probe, to_json
from synthesis_worker.telling import ProgressTeller, go_on
from voices import storage
from voices.named import CANONICAL
from voices.owning.removals import remove_now
from voices.samples.probes import Heard, finish_probe, upload_of
from voices.store import StoreError, audio_name
from voices.store.names import media_type_of

if TYPE_CHECKING:
    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob
    from synthesis_worker.probing import Probed


PREFIX = "voicemill-probe-"
LONGEST = 3600.0  # seconds; no probe takes as long


def examine(job: ClaimedJob, held: Held) -> None:
    """Have the sandbox look at the upload, and keep what it says of it."""
    name = patiently(held, partial(upload_of, job))
    clear_leftovers()
    with TemporaryDirectory(prefix=PREFIX) as folder:
        upload, room = Path(folder, "upload"), Path(folder, "room")
        upload.write_bytes(fetch(name, held))
        room.mkdir()
        probed = probe(upload, room, on_progress=partial(go_on, held, ProgressTeller(job)))
        check_stop(held)
        _keep(job, held, probed)


def clear_leftovers() -> None:
    """A worker that was killed leaves somebody's recording on the disk."""
    for folder in Path(gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if folder.stat().st_mtime < time.time() - LONGEST:
                shutil.rmtree(folder)


def _keep(job: ClaimedJob, held: Held, probed: Probed) -> None:
    if probed.wave is None:
        patiently(held, partial(finish_probe, job, Heard(to_json(probed))))
        return
    heard = Heard(to_json(probed), _digest(probed.wave), probed.wave.stat().st_size)
    name = audio_name(job.tenant_id, heard.sha256, CANONICAL)
    kept = False
    try:
        put = partial(_put_and_finish, job, name, probed.wave, heard)
        kept = patiently(held, put, (StoreError,))
    finally:
        if not kept:  # deleted, erased or cancelled meanwhile
            remove_now([name])


def _put_and_finish(job: ClaimedJob, name: str, wave: Path, heard: Heard) -> bool:
    """Nobody who deletes another sample with the same sound takes this one's away in between."""
    with storage.putting(name):
        storage.audio_store().put(name, wave, media_type=media_type_of(name))
        return finish_probe(job, heard)


def _digest(path: Path) -> str:
    """An hour of sound is not held in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
