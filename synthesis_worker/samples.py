"""The door between ledger and probe: an upload goes in, a verdict and a clean WAV come out."""

from __future__ import annotations

import hashlib
import shutil
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from celery import shared_task

from jobs.answering import answer_bell, check_stop
from jobs.patience import patiently
from synthesis_worker.probing import probe, to_json
from synthesis_worker.telling import ProgressTeller
from voices import storage
from voices.named import CANONICAL
from voices.owning.removals import remove_now
from voices.samples.errors import SampleGoneError
from voices.samples.probes import Heard, finish_probe, upload_of
from voices.store import StoreDown, StoreError, StoreRefused, audio_name, read_verified
from voices.store.names import media_type_of

if TYPE_CHECKING:
    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob
    from synthesis_worker.probing import Probed


PREFIX = "voicemill-probe-"
LONGEST = 3600.0  # seconds; no probe takes as long


@shared_task(name="synthesis_worker.probe")
def probe_sample(job_id: str) -> None:
    answer_bell(job_id, examine)


def examine(job: ClaimedJob, held: Held) -> None:
    """Have the sandbox look at the upload, and keep what it says of it."""
    name = patiently(held, partial(upload_of, job))
    clear_leftovers()
    with TemporaryDirectory(prefix=PREFIX) as folder:
        upload, room = Path(folder, "upload"), Path(folder, "room")
        upload.write_bytes(_fetch(name, held))
        room.mkdir()
        probed = probe(upload, room, on_progress=partial(_go_on, held, ProgressTeller(job)))
        check_stop(held)
        _keep(job, held, probed)


def clear_leftovers() -> None:
    """A worker that was killed leaves somebody's recording on the disk."""
    for folder in Path(gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if folder.stat().st_mtime < time.time() - LONGEST:
                shutil.rmtree(folder)


def _fetch(name: str, held: Held) -> bytes:
    store = storage.audio_store()
    return patiently(held, partial(read_verified, store, name), away=(StoreDown, StoreRefused))


def _go_on(held: Held, teller: ProgressTeller, share: float) -> None:
    """Called by the probe, which ends its child where this raises."""
    check_stop(held)
    teller.tell(min(0.95, share))


def _keep(job: ClaimedJob, held: Held, probed: Probed) -> None:
    if probed.wave is None:
        patiently(held, partial(finish_probe, job, Heard(to_json(probed))))
        return
    heard = Heard(to_json(probed), _digest(probed.wave), probed.wave.stat().st_size)
    name = audio_name(job.tenant_id, heard.sha256, CANONICAL)
    try:
        patiently(held, partial(_put_and_finish, job, name, probed.wave, heard), (StoreError,))
    except SampleGoneError:
        remove_now([name])
        raise


def _put_and_finish(job: ClaimedJob, name: str, wave: Path, heard: Heard) -> None:
    """Nobody who deletes another sample with the same sound takes this one's away in between."""
    with storage.putting(name):
        storage.audio_store().put(name, wave, media_type=media_type_of(name))
        finish_probe(job, heard)


def _digest(path: Path) -> str:
    """An hour of sound is not held in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
