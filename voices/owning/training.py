"""Asking for a training: hours on scarce hardware, so that what can be refused is refused now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.services.accept import Step
from voices.owning.beginning import MakingRequest, Work, begin_making
from voices.owning.drafting import check_speaker
from voices.owning.errors import TranscriptsMissingError
from voices.owning.material import material_of
from voices.owning.trainers import STEPS, choose_trainer
from voices.samples.transcribing import carries_its_cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voices.accepting import Submitted
    from voices.models import Sample, Voice
    from voices.owning.trainers import TrainerOnOffer

TRAIN = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest(MakingRequest):
    """A voice to be trained, in so many steps."""

    steps: int | None = None


def submit_training(asked: TrainingRequest) -> Submitted:
    return begin_making(asked, TRAIN, partial(_works, asked))


def _works(asked: TrainingRequest, voice: Voice) -> list[Work]:
    trainer = choose_trainer(voice, asked.engine, commercial=asked.caller.commercial)
    check_speaker(voice, trainer.engine)
    steps = trainer.steps(asked.steps)
    material = material_of(voice, asked.samples, trainer)
    _check_transcripts(material.samples, trainer)
    binding: dict[str, Any] = {
        "model": trainer.model,
        "samples": material.hashes,
        "heard": [_heard(sample) for sample in material.samples],
        "language": voice.language,
        STEPS: steps,
    }
    step = Step(trainer.offer.engine, trainer.offer.queue, binding)
    return [Work(trainer.engine, step, material, trainer.cost(steps), {STEPS: steps})]


def _heard(sample: Sample) -> dict[str, Any]:
    return {
        "sha256": sample.sha256,
        "name": sample.name,
        "seconds": sample.seconds,
        "transcript": sample.transcript,
    }


def _check_transcripts(samples: Sequence[Sample], trainer: TrainerOnOffer) -> None:
    """Without a recogniser each recording has to bring its words, and where they are said."""
    if trainer.transcribes:
        return
    bare = [sample for sample in samples if not carries_its_cut(sample)]
    if bare:
        raise TranscriptsMissingError([sample.name for sample in bare])
