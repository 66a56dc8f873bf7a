"""A training's checkpoints in the store: the newest is named by its job, the one before goes."""

from __future__ import annotations

import hashlib
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction

from gpu_worker.training.telling import TrainingFailed
from jobs.answering import check_stop
from jobs.patience import LeaseOverError, patiently
from jobs.services.progress import report_progress
from synthesis_worker.telling import MOST
from voices import storage
from voices.owning.removals import ask_removal, remove_now
from voices.store import ObjectMissing, StoreDown, StoreError, StoreRefused, checkpoint_name
from voices.store.names import media_type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob

RESUME = "resume.ckpt"
TOLD = ("step", "base", "data")


def keep_checkpoint(
    job: ClaimedJob,
    held: Held,
    event: Mapping[str, Any],
    before: Mapping[str, Any],
    folder: Path,
) -> dict[str, Any]:
    """Stored and named by the job, so that any worker can go on from it.

    `event` has `base` and `data` too: what the training began with, and what it learns from.
    """
    file = _take(Path(event["file"]), folder)
    if file is None:  # there is a newer one by now, of which we shall hear
        return dict(before)
    now = {"sha256": _sum_of(file), **{name: event[name] for name in TOLD}}
    patiently(held, partial(_put_and_name, job, file, now, before), away=(StoreError,))
    file.unlink()
    return now


def _take(file: Path, folder: Path) -> Path | None:
    """Its child removes it as soon as it has a newer one, while this one is on its way."""
    taken = folder / "stored.ckpt"
    with suppress(FileNotFoundError):
        taken.hardlink_to(file)
        return taken
    return None


def _sum_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _put_and_name(
    job: ClaimedJob, file: Path, checkpoint: Mapping[str, Any], before: Mapping[str, Any]
) -> None:
    name = checkpoint_name(job.tenant_id, checkpoint["sha256"])
    with storage.putting(name):
        storage.audio_store().put(name, file, media_type=media_type_of(name))
        named = _name(job, checkpoint, before)
    if not named:
        remove_now([name])
        raise LeaseOverError


@transaction.atomic
def _name(job: ClaimedJob, checkpoint: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """In the place of the one before; False: the job is another worker's by now, or has ended."""
    at = {"step": checkpoint["step"], "steps": job.binding["steps"]}
    if not report_progress(job, min(MOST, at["step"] / at["steps"]), checkpoint, at):
        return False
    if before and before["sha256"] != checkpoint["sha256"]:
        ask_removal([checkpoint_name(job.tenant_id, before["sha256"])])
    return True


def fetch_checkpoint(
    job: ClaimedJob, held: Held, checkpoint: Mapping[str, Any], folder: Path
) -> Path:
    """Where a training goes on from; TrainingFailed where the store has it no more as it was."""
    file = folder / RESUME
    name = checkpoint_name(job.tenant_id, checkpoint["sha256"])
    read = partial(_read_into, file, name, partial(check_stop, held))
    try:
        whole = patiently(held, read, away=(StoreDown, StoreRefused)) == checkpoint["sha256"]
    except ObjectMissing:
        whole = False
    if not whole:
        raise TrainingFailed("The store has lost the checkpoint.", code="checkpoint_lost")
    return file


def _read_into(file: Path, name: str, look: Callable[[], None]) -> str:
    """Its hash. Gigabytes, maybe: whether they are still wanted is looked at all the way."""
    store, digest = storage.audio_store(), hashlib.sha256()
    pieces = store.open_range(name, 0, max(1, store.stat(name).size))
    with file.open("wb") as stream, closing(pieces):
        for piece in pieces:
            look()
            digest.update(piece)
            stream.write(piece)
    return digest.hexdigest()
