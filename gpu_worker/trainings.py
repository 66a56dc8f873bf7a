"""A training as a job: data set, child, checkpoints in the store, and a voice in the end."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from gpu_worker.beside import beside
from gpu_worker.checkpoints import RESUME, fetch_checkpoint, keep_checkpoint
from gpu_worker.datasets import DataSet
from gpu_worker.scratch import remove_abandoned, scratch_folder
from gpu_worker.trainers import about_base
from gpu_worker.training.child import Child, Limits
from gpu_worker.training.telling import NO_ROOM, DiskFull, TrainingFailed
from jobs.answering import check_stop
from jobs.keeper import LOOK_EVERY, Stop
from jobs.patience import InterruptedJobError, LeaseOverError, patiently
from jobs.presence import worker_name
from jobs.services.progress import report_progress
from jobs.services.workers import is_draining
from synthesis_worker.contract import ModelMissing
from synthesis_worker.equipment import engines
from synthesis_worker.keeping import keep_made
from synthesis_worker.telling import MOST, ProgressTeller
from voices.owning.learning import forget_losses, note_losses
from voices.owning.making import Made

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpu_worker.trainers import Trainer
    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob

    Event = Mapping[str, Any]

POINTS = 400  # of a curve, at most
TOLD_EVERY = 10.0  # seconds: it may go on for days, and each time is a row and a webhook
# What begins it anew: nobody could do more.
ANEW = {"checkpoint_lost", "checkpoint_unfit", "checkpoint_damaged"}
SEED = 1
ENOUGH = 10  # steps, to know how long the others will take
MEGABYTE = 2**20
log = logging.getLogger(__name__)


def train_voice(job: ClaimedJob, held: Held) -> None:
    """Everything it needs on disk lies in one folder, which is gone when it ends."""
    try:
        remove_abandoned(settings.TRAINING_DIR)
        with scratch_folder(settings.TRAINING_DIR) as folder:
            Training(job, held, folder).run()
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull from error
        raise


class Training:
    """One job's; a successor goes on from its last checkpoint."""

    def __init__(self, job: ClaimedJob, held: Held, folder: Path) -> None:
        self._job, self._held, self._folder = job, held, folder
        self._trainer = trainer_named(job.engine)
        self._teller = ProgressTeller(job, TOLD_EVERY)
        self._steps = int(job.binding["steps"])
        self._checkpoint = dict(job.checkpoint or {})
        self._data = DataSet(job, held, self._trainer, folder / "data")
        self._base: Any = None  # as its artifact will tell
        self._began, self._heard = time.monotonic(), 0
        self._looked_at = 0.0
        self._asked = False  # its child, to stop

    def run(self) -> None:
        self._data.build(self._heed)
        try:
            done = self._train(self._fetch())
        except TrainingFailed as error:
            if error.code not in ANEW:
                raise
            self._begin_anew(error.code)
            done = self._train(None)
        self._keep(done)

    def _fetch(self) -> Path | None:
        """Another recogniser or release cuts other clips: a step would be another one."""
        digest = self._data.about["digest"]
        if self._checkpoint.get("data", digest) != digest:
            raise TrainingFailed("It is of another data set.", code="checkpoint_unfit")
        if not self._checkpoint:
            return None
        return fetch_checkpoint(self._job, self._held, self._checkpoint, self._folder)

    def _train(self, resume: Path | None) -> Event:
        self._began, self._heard = time.monotonic(), 0
        with Child(self._trainer.command(), self._write_task(resume), _limits()) as child:
            return self._follow(child)

    def _begin_anew(self, code: str) -> None:
        """Its data, or XTTS's base, are others than where it began; or its checkpoint is lost."""
        log.warning("%s: the training of job %s begins anew", code, self._job.id)
        told = {"step": 0, "steps": self._steps, "begun_anew": code}
        if not patiently(self._held, partial(report_progress, self._job, 0.0, details=told)):
            raise LeaseOverError
        patiently(self._held, partial(forget_losses, self._job.id))
        shutil.rmtree(self._folder / "work", ignore_errors=True)

    def _write_task(self, resume: Path | None) -> Path:
        trainer, binding, work = self._trainer, self._job.binding, self._folder / "work"
        work.mkdir()
        base = trainer.base(binding["language"])
        begun_with = self._checkpoint.get("base") if resume else None
        self._base = begun_with or about_base(base)
        task = {
            "data": str(self._data.folder),
            "work": str(work),
            "base": base and str(base),
            "language": binding["language"],
            "steps": self._steps,
            "batch": trainer.batch,
            "device": trainer.device,
            "seed": SEED,
            "checkpoint_seconds": settings.CHECKPOINT_SECONDS,
            "resume": resume and str(resume),
            "network": dict(trainer.network or {}),
        }
        file = self._folder / "task.json"
        file.write_text(json.dumps(task))
        return file

    def _follow(self, child: Child) -> Event:
        """To its last word. It is asked to stop for a drain, and killed for anything else."""
        for event in child.events():
            if event and (done := self._hear(child, event)):
                return done
            self._look(child)
        raise InterruptedJobError

    def _heed(self) -> None:
        """Nothing is lost that another worker would not have in minutes."""
        check_stop(self._held)
        if self._drains():
            raise InterruptedJobError

    def _heed_all_but_drains(self) -> None:
        if self._held.stop is not Stop.DRAINED:
            check_stop(self._held)

    def _look(self, child: Child) -> None:
        """A drain is heeded at once: what it has grows no smaller, and its way is long."""
        self._heed_all_but_drains()
        if not self._asked and self._drains():
            child.stop()
            self._asked = True

    def _drains(self) -> bool:
        """Asked about once a second."""
        if time.monotonic() - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = time.monotonic()
        return patiently(self._held, partial(is_draining, name=worker_name()))

    def _hear(self, child: Child, event: Event) -> Event | None:
        """The last word of a training that has come to its end."""
        match event["event"]:
            case "started":  # it has read where it goes on from
                (self._folder / RESUME).unlink(missing_ok=True)
            case "step":
                self._tell(event)
            case "left_out":
                self._data.leave_out(event["clips"])
            case "checkpoint":
                self._keep_checkpoint(child, event)
            case "done":
                return event
            case "failed":
                told = {name: event[name] for name in ("message", "code", "permanent")}
                raise TrainingFailed(**told)
        return None

    def _keep_checkpoint(self, child: Child, event: Event) -> None:
        """Gigabytes, maybe: who is told to stop meanwhile does not wait for them."""
        about = {**event, "base": self._base, "data": self._data.about["digest"]}
        told = (about, self._checkpoint, self._folder)
        keep = partial(keep_checkpoint, self._job, self._held, *told)
        self._checkpoint = beside(keep, partial(self._look, child))

    def _tell(self, event: Event) -> None:
        self._check_hours(event)
        step, losses = int(event["step"]), event["losses"]
        if step % ceil(self._steps / POINTS) == 0 or step == self._steps:
            patiently(self._held, partial(note_losses, self._job.id, step, losses))
        details = {"step": step, "steps": self._steps, "losses": losses}
        details["seconds_left"] = event["seconds_left"]
        self._teller.tell(min(MOST, step / self._steps), details)

    def _check_hours(self, event: Event) -> None:
        """Once, as soon as its pace is known: no day is spent on what will not come to its end."""
        self._heard += 1
        most, left = _limits().seconds, float(event["seconds_left"])
        if self._heard != ENOUGH or left <= max(0.0, most - (time.monotonic() - self._began)):
            return
        fit = int(most * (self._steps - event["step"]) / left)
        message = (
            f"At this worker's pace the training would take {left / 3600:.1f} h more, and none may"
            f" take over {most / 3600:g} h: ask for {fit} steps at most, or the operator for more"
            " hours."
        )
        raise TrainingFailed(message, code="training_too_long")

    def _keep(self, done: Event) -> None:
        artifact = Path(done["artifact"])
        with artifact.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        data = self._data.about
        more = {
            "language": self._job.binding["language"],
            "dataset": data["digest"],
            "clips": data["clips"],
            "seconds": data["seconds"],
            "steps": done["step"],
            "losses": done["losses"],
            "base": self._base,
            "batch": self._trainer.batch,
            "seed": SEED,
        }
        made = Made(sha256, artifact.stat().st_size, data["digest"], more=more)
        keep = partial(keep_made, self._job, self._held, artifact, made)
        beside(keep, self._heed_all_but_drains)


def trainer_named(name: str) -> Trainer:
    found: Any = engines().get(name)
    if found is None:
        raise ModelMissing(f"This worker has no trainer {name!r}.", code="engine_missing")
    trainer: Trainer = found
    return trainer


def _limits() -> Limits:
    return Limits(
        memory=settings.TRAINING_MEMORY * MEGABYTE,
        seconds=settings.TRAINING_HOURS * 3600,
        disk=settings.TRAINING_DISK * MEGABYTE,
    )
