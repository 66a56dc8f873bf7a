"""Asking for a clone, by one engine or by all that can."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jobs.services.accept import Step
from voices.errors import VoiceError
from voices.owning.beginning import MakingRequest, Work, begin_making
from voices.owning.drafting import check_speaker
from voices.owning.makers import choose_makers
from voices.owning.material import material_of

if TYPE_CHECKING:
    from voices.accepting import Submitted
    from voices.models import Voice
    from voices.owning.makers import Maker

CLONE = "clone"
COST = 10.0  # seconds of work, until it is known better


def submit_clone(asked: MakingRequest) -> Submitted:
    return begin_making(asked, CLONE, partial(_works, asked))


def _works(asked: MakingRequest, voice: Voice) -> list[Work]:
    """Of every engine that can make it of what there is; where none can, the best one says why."""
    works, refusals = [], []
    for maker in choose_makers(voice, asked.engine, commercial=asked.caller.commercial):
        try:
            works.append(_work(asked, voice, maker))
        except VoiceError as error:
            refusals.append(error)
    if not works:
        raise refusals[0]
    return works


def _work(asked: MakingRequest, voice: Voice, maker: Maker) -> Work:
    check_speaker(voice, maker.engine)
    material = material_of(voice, asked.samples, maker)
    step = Step(maker.engine, maker.queue, {"model": maker.model, "samples": material.hashes})
    return Work(maker.engine, step, material, COST, {})
