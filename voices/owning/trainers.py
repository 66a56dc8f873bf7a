"""Engines that train: whose voices each makes, from how much, and in how many steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voices.errors import NoEngineError
from voices.owning.makers import refuse_use
from voices.routing import Refusal, refuse_dials
from voices.selectors import current_offers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voices.models import Voice
    from voices.routing import Offered

ANY = "any"
STEPS = "steps"


@dataclass(frozen=True, slots=True)
class TrainerOnOffer:
    """What a worker says of its trainer, and the engine that will speak what it makes."""

    engine: str
    offer: Offered
    model: str  # what it speaks with
    least: float
    most: float
    clips: int  # at least

    @property
    def transcribes(self) -> bool:
        """It writes down itself what is said."""
        return bool(self.offer.capabilities.get("transcribes"))

    def steps(self, wanted: int | None) -> int:
        """So many, or as many as it takes where nobody said."""
        if wanted is None:
            return int(self.offer.capabilities["dials"][STEPS]["default"])
        refusal = refuse_dials(self.offer.engine, self.offer, {STEPS: wanted})
        if refusal is not None:
            raise NoEngineError([refusal])
        return wanted

    def cost(self, steps: int) -> float:
        """Seconds of work, as far as its worker knows."""
        return max(1.0, steps * float(self.offer.capabilities["real_time_factor"]))


def choose_trainer(voice: Voice, named: str | None, *, commercial: bool) -> TrainerOnOffer:
    """For the engine named; else one that is awake, else any."""
    training = [one for one in current_offers() if one.capabilities.get("trains")]
    asked = [one for one in training if named in {None, one.capabilities["trains"]}]
    if not asked:
        raise NoEngineError([_unsupported(named, training)])
    refusals = {one.engine: refuse_use(one, voice, commercial=commercial) for one in asked}
    fit = [one for one in asked if refusals[one.engine] is None]
    if not fit:
        raise NoEngineError([refusal for refusal in refusals.values() if refusal])
    return _trainer(min(fit, key=lambda one: (one.asleep, one.engine)))


def _unsupported(named: str | None, training: Iterable[Offered]) -> Refusal:
    known = sorted({str(one.capabilities["trains"]) for one in training})
    can = f"these can be: {', '.join(known)}" if known else "a training worker has to be started"
    what = f"{named} cannot be trained" if named else "No voice can be trained"
    return Refusal(named or ANY, "training_unsupported", f"{what} here; {can}.")


def _trainer(offer: Offered) -> TrainerOnOffer:
    least, most = offer.capabilities.get("train_seconds") or (0.0, float("inf"))
    engine, model = str(offer.capabilities["trains"]), str(offer.capabilities["makes"])
    clips = int(offer.capabilities.get("train_clips") or 0)
    return TrainerOnOffer(engine, offer, model, least, most, clips)
