"""A training's data set, made of its job's samples; what it holds and lacks is noted as it goes."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from gpu_worker.beside import beside
from gpu_worker.training import dataset
from jobs.patience import patiently
from synthesis_worker import audio
from synthesis_worker.fetching import fetch
from voices.named import CANONICAL
from voices.owning.learning import note_dataset
from voices.samples.transcribing import Transcript
from voices.store import audio_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gpu_worker.trainers import Trainer
    from gpu_worker.training.dataset import Recording, Report
    from jobs.keeper import Held
    from jobs.services.claims import ClaimedJob
    from synthesis_worker.contract import Waveform

REJECTED = 200  # parts that were left out, told one by one


class DataSet:
    """The same recordings give the same one, also on another worker."""

    def __init__(self, job: ClaimedJob, held: Held, trainer: Trainer, folder: Path) -> None:
        self._job, self._held, self._trainer = job, held, trainer
        self.folder = folder
        self._built: dict[str, Any] = {}
        self.about: dict[str, Any] = {}  # without what its engine leaves out

    def build(self, look: Callable[[], None]) -> None:
        """What `look` raises ends it, whatever it is at."""
        try:
            report = beside(partial(self._cut, look), look)
        except dataset.DatasetError as error:
            self._note({"rejected": [asdict(one) for one in error.rejected]})
            raise
        finally:
            if self._trainer.recogniser:  # the card is the training's now
                self._trainer.recogniser.rest()
        self._built = asdict(report)
        self._tell(self._built)

    def leave_out(self, clips: Sequence[Mapping[str, Any]]) -> None:
        """What it took, and its engine does not; DatasetError where too little is left."""
        seconds = self._built["seconds"] - sum(clip["end"] - clip["start"] for clip in clips)
        left = {
            "clips": self._built["clips"] - len(clips),
            "seconds": round(max(0.0, seconds), 3),
            "rejected": [*self._built["rejected"], *clips],
        }
        self._tell({**self._built, **left})
        self._trainer.minimum.check(left["clips"], left["seconds"])

    def _tell(self, about: dict[str, Any]) -> None:
        self.about = about
        self._note(about)

    def _note(self, report: Mapping[str, Any]) -> None:
        rejected = report["rejected"]
        told = {**report, "rejected": rejected[:REJECTED], "left_out": len(rejected)}
        patiently(self._held, partial(note_dataset, self._job.id, told))

    def _cut(self, look: Callable[[], None]) -> Report:
        binding = self._job.binding
        return dataset.build(
            [self._recording(heard) for heard in binding["heard"]],
            self.folder,
            rate=self._trainer.rate,
            language=binding["language"],
            minimum=self._trainer.minimum,
            recogniser=self._trainer.recogniser,
            progress=lambda _: look(),
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
