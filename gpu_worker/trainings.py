"""A training as a job: data set, child, checkpoints in the store, and a voice in the end."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from dataclasses import asdict
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from gpu_worker.beside import beside
from gpu_worker.checkpoints import RESUME, fetch_checkpoint, keep_checkpoint
from gpu_worker.scratch import remove_abandoned, scratch_folder
from gpu_worker.training import dataset
from gpu_worker.training.child import Child, Limits
from jobs.answering import check_stop
from jobs.keeper import LOOK_EVERY, Stop
from jobs.patience import InterruptedJobError, LeaseOverError, patiently
from jobs.presence import worker_name
from jobs.services.progress import report_progress
from jobs.services.workers import is_draining
from synthesis_worker import audio
from synthesis_worker.contract import ModelMissing
from synthesis_worker.equipment import engines
from synthesis_worker.fetching import fetch
from synthesis_worker.keeping import keep_made
from synthesis_worker.telling import MOST, ProgressTeller
from voices.named import CANONICAL
from voices.owning.learning import forget_losses, note_dataset, note_losses
from voices.owning.making import Made
from voices.samples.transcribing import Transcript
from voices.store import audio_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpu_worker.trainers import Trainer
    from gpu_worker.training.dataset import Recording, Report
    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob
    from synthesis_worker.contract import Waveform

    Event = Mapping[str, Any]

POINTS = 400  # of a curve, at most
TOLD_EVERY = 10.0  # seconds: it may go on for days, and each time is a row and a webhook
REJECTED = 200  # parts that were left out, told one by one
ANEW = {"checkpoint_unfit", "checkpoint_damaged"}  # what begins it anew: nobody could do more
MEGABYTE = 2**20
log = logging.getLogger(__name__)


def train_voice(job: ClaimedJob, held: Held) -> None:
    """Everything it needs on disk lies in one folder, which is gone when it ends."""
    remove_abandoned(settings.TRAINING_DIR)
    with scratch_folder(settings.TRAINING_DIR) as folder:
        Training(job, held, folder).run()


class Training:
    """One job's; a successor goes on from its last checkpoint."""

    def __init__(self, job: ClaimedJob, held: Held, folder: Path) -> None:
        self._job, self._held, self._folder = job, held, folder
        self._trainer = trainer_named(job.engine)
        self._teller = ProgressTeller(job, TOLD_EVERY)
        self._steps = int(job.binding["steps"])
        self._checkpoint = dict(job.checkpoint or {})
        self._about: dict[str, Any] = {}
        self._looked_at = 0.0
        self._asked = False  # its child, to stop

    def run(self) -> None:
        report = self._build()
        resume = fetch_checkpoint(self._job, self._held, self._checkpoint, self._folder)
        try:
            done = self._train(resume)
        except TrainingFailedError as error:
            if resume is None or error.code not in ANEW:
                raise
            self._begin_anew(error.code)
            done = self._train(None)
        self._keep(report, done)

    def _train(self, resume: Path | None) -> Event:
        with Child(self._trainer.command(), self._write_task(resume), _limits()) as child:
            return self._follow(child)

    def _begin_anew(self, code: str) -> None:
        """Its base, its data or its batch are others here than where it began."""
        log.warning("%s: the training of job %s begins anew", code, self._job.id)
        told = {"step": 0, "steps": self._steps, "begun_anew": code}
        if not patiently(self._held, partial(report_progress, self._job, 0.0, details=told)):
            raise LeaseOverError
        patiently(self._held, partial(forget_losses, self._job.id))
        shutil.rmtree(self._folder / "work")

    def _build(self) -> Report:
        """The same recordings give the same data set, also on another worker."""
        try:
            report = self._cut()
        except dataset.DatasetError as error:
            self._note({"rejected": [asdict(one) for one in error.rejected]})
            raise
        self._about = asdict(report)
        self._note(self._about)
        return report

    def _leave_out(self, clips: Iterable[Mapping[str, Any]]) -> None:
        """What the data set took, and the engine does not."""
        self._note({**self._about, "rejected": [*self._about["rejected"], *clips]})

    def _note(self, report: Mapping[str, Any]) -> None:
        rejected = report["rejected"]
        told = {**report, "rejected": rejected[:REJECTED], "left_out": len(rejected)}
        patiently(self._held, partial(note_dataset, self._job.id, told))

    def _cut(self) -> Report:
        binding = self._job.binding
        return dataset.build(
            [self._recording(heard) for heard in binding["heard"]],
            self._folder / "data",
            rate=self._trainer.rate,
            language=binding["language"],
            minimum=self._trainer.minimum,
            recogniser=self._trainer.recogniser,
            progress=lambda _: check_stop(self._held),
        )

    def _recording(self, heard: Mapping[str, Any]) -> Recording:
        told = heard["transcript"]
        return dataset.Recording(
            sha256=heard["sha256"],
            name=heard["name"],
            read=partial(self._read, heard["sha256"]),
            transcript=Transcript(**told).lines if told else None,
            seconds=heard["seconds"],
        )

    def _read(self, sha256: str) -> Waveform:
        return audio.decode(fetch(audio_name(self._job.tenant_id, sha256, CANONICAL), self._held))

    def _write_task(self, resume: Path | None) -> Path:
        trainer, binding, work = self._trainer, self._job.binding, self._folder / "work"
        work.mkdir()
        base = trainer.base(binding["language"])
        task = {
            "data": str(self._folder / "data"),
            "work": str(work),
            "base": base and str(base),
            "language": binding["language"],
            "steps": self._steps,
            "batch": trainer.batch,
            "device": trainer.device,
            "seed": 1,
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

    def _look(self, child: Child) -> None:
        """A drain is heeded at once: what it has grows no smaller, and its way is long."""
        if self._held.stop is not Stop.DRAINED:
            check_stop(self._held)
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
                self._leave_out(event["clips"])
            case "checkpoint":
                self._keep_checkpoint(child, event)
            case "done":
                return event
            case "failed":
                raise TrainingFailedError(event)
        return None

    def _keep_checkpoint(self, child: Child, event: Event) -> None:
        """Gigabytes, maybe: who is told to stop meanwhile does not wait for them."""
        told = (event, self._checkpoint, self._folder)
        keep = partial(keep_checkpoint, self._job, self._held, *told)
        self._checkpoint = beside(keep, partial(self._look, child))

    def _tell(self, event: Event) -> None:
        step, losses = int(event["step"]), event["losses"]
        if step % ceil(self._steps / POINTS) == 0 or step == self._steps:
            patiently(self._held, partial(note_losses, self._job.id, step, losses))
        details = {"step": step, "steps": self._steps, "losses": losses}
        details["seconds_left"] = event["seconds_left"]
        self._teller.tell(min(MOST, step / self._steps), details)

    def _keep(self, report: Report, done: Event) -> None:
        artifact = Path(done["artifact"])
        with artifact.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        more = {
            "language": self._job.binding["language"],
            "dataset": report.digest,
            "clips": report.clips,
            "seconds": report.seconds,
            "steps": done["step"],
            "losses": done["losses"],
        }
        made = Made(sha256, artifact.stat().st_size, report.digest, more=more)
        keep_made(self._job, self._held, artifact, made)


class TrainingFailedError(Exception):
    """What the child said of its end."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        super().__init__(event["message"])
        self.code, self.permanent = str(event["code"]), bool(event["permanent"])


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
