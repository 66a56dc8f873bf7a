"""How the voices of each engine are trained, and what a training worker announces of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from gpu_worker.engines.file_hash import sha256_of
from gpu_worker.engines.xtts.stock import digest_of
from synthesis_worker.contract import Capabilities, Model, ModelMissing, Range
from synthesis_worker.languages import primary_language

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpu_worker.training.dataset.limits import Minimum
    from gpu_worker.training.dataset.recogniser import Recogniser

SCRATCH = "scratch"  # what begins with nothing
MOST_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Trainer:
    """How one engine's voices are trained.

    `program` is the child's module, `bases` what it can begin with by name (None: with nothing),
    `network` shrinks a test's model.
    """

    speaks: str
    makes: str  # the model a binding of the voice names
    program: str
    rate: int
    languages: tuple[str, ...]
    bases: Mapping[str, Path | None]
    steps: int
    seconds_a_step: float  # until a training has told its own: bounds the steps, weighs the job
    minimum: Minimum
    licence: str
    commercial: bool
    batch: int = 8
    device: str = "cpu"
    network: Mapping[str, Any] | None = None
    version: str = ""
    recogniser: Recogniser | None = None

    @property
    def capabilities(self) -> Capabilities:
        """It speaks nothing; `trains` names the engine that does."""
        return Capabilities(
            engine=f"{self.speaks}_training",
            version=self.version,
            languages=self.languages,
            max_characters=0,
            dials={"steps": Range(1, self.most_steps, min(self.steps, self.most_steps))},
            models=tuple(Model(name, "", "", self.rate) for name in self.bases),
            trains=self.speaks,
            makes=self.makes,
            transcribes=self.recogniser is not None,
            train_seconds=(self.minimum.seconds, self.minimum.most_seconds),
            train_clips=self.minimum.clips,
            licence=self.licence,
            commercial=self.commercial,
            real_time_factor=self.seconds_a_step,
        )

    @property
    def most_steps(self) -> int:
        """So many fit into the hours that a training may take."""
        return min(MOST_STEPS, max(1, int(settings.TRAINING_HOURS * 3600 / self.seconds_a_step)))

    def load(self) -> None:
        """Nothing: each training is a process of its own."""

    def base(self, language: str) -> Path | None:
        """One in the language, else whatever comes first."""
        if not self.bases:
            raise ModelMissing(f"{self.speaks} has nothing to begin with; see docs/training.md.")
        wanted = primary_language(language)
        alike = [name for name in self.bases if primary_language(name) == wanted]
        return self.bases[alike[0] if alike else next(iter(self.bases))]

    def command(self) -> list[str]:
        return [sys.executable, "-m", self.program]


def about_base(base: Path | None) -> str | dict[str, str]:
    """What a training began with: a checkpoint's file, or a model's folder."""
    if base is None:
        return SCRATCH
    return {"name": base.stem, "sha256": digest_of(base) if base.is_dir() else sha256_of(base)}
