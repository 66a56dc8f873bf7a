"""Asking for a training: hours on scarce hardware, so that what can be refused is refused now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.services.accept import Step
from voices.owning.beginning import MakingRequest, Work, begin_making
from voices.owning.checkpoints import take_checkpoint
from voices.owning.drafting import check_speaker
from voices.owning.errors import SamplesTooShortError, TranscriptsMissingError
from voices.owning.learning import TRAIN
from voices.owning.material import material_of
from voices.owning.trainers import STEPS, choose_trainer
from voices.samples.transcribing import Transcript, carries_its_cut
from voices.transcripts import own_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voices.accepting import Submitted
    from voices.models import Sample, Voice
    from voices.owning.trainers import TrainerOnOffer


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
    heard = _heard(material.samples)
    _check_clips(heard, trainer)
    known = {
        "model": trainer.model,
        "samples": material.hashes,
        "language": voice.language,
        STEPS: steps,
    }
    left = take_checkpoint(material.consent, trainer.engine, known)
    step = Step(trainer.offer.engine, trainer.offer.queue, {**known, "heard": heard})
    return [Work(trainer.engine, step, material, trainer.cost(steps), {STEPS: steps}, left)]


def _heard(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    names = {sample.name for sample in samples}
    return [
        {
            "sha256": sample.sha256,
            "name": sample.name,
            "seconds": sample.seconds,
            "transcript": _own(sample, names - {sample.name}),
        }
        for sample in samples
    ]


def _own(sample: Sample, others: set[str]) -> Mapping[str, str] | None:
    """One CSV may tell of all recordings: each gets what is said in it."""
    told: dict[str, str] | None = sample.transcript
    if told is None or told["format"] != "csv":
        return told
    text = own_rows(told["text"], sample.name, others)
    return {**told, "text": text} if text else None


def _check_transcripts(samples: Sequence[Sample], trainer: TrainerOnOffer) -> None:
    """Without a recogniser each recording has to bring its words, and where they are said."""
    if trainer.transcribes:
        return
    bare = [sample for sample in samples if not carries_its_cut(sample)]
    if bare:
        raise TranscriptsMissingError([sample.name for sample in bare])


def _check_clips(heard: Sequence[Mapping[str, Any]], trainer: TrainerOnOffer) -> None:
    """Without a recogniser no line is cut in two."""
    if trainer.transcribes:
        return
    clips = sum(map(_count_lines, heard))
    if clips < trainer.clips:
        raise SamplesTooShortError(
            f"{trainer.engine} learns from {trainer.clips} sentences at least, each with its text;"
            f" these recordings have {clips}: record {trainer.clips - clips} sentences more."
        )


def _count_lines(heard: Mapping[str, Any]) -> int:
    lines = Transcript(**heard["transcript"]).lines
    return sum(line.is_of(heard["name"]) for line in lines)
