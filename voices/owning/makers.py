"""Engines that clone: which of them are to make a voice, and how much each wants to hear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voices.errors import NoEngineError
from voices.routing import CHAINS, Refusal, offers_by_engine
from voices.selectors import current_offers
from voices.text.languages import primary_language

if TYPE_CHECKING:
    from voices.models import Voice
    from voices.routing import Offered

BEST, ANY = CHAINS["highest"], "any"


@dataclass(frozen=True, slots=True)
class Maker:
    """An engine that clones, and from how many seconds of samples in all."""

    engine: str
    queue: str
    model: str
    least: float
    most: float


def choose_makers(voice: Voice, named: str | None, *, commercial: bool) -> list[Maker]:
    """The one named, else all that clone, best first; who sleeps only where nobody is awake."""
    known = offers_by_engine(current_offers())
    cloning = {name: offer for name, offer in known.items() if offer.capabilities.get("clones")}
    refusals = [
        refusal
        for name in ([named] if named else cloning or [ANY])
        if (refusal := _refuse(name, cloning.get(name), voice, commercial=commercial))
    ]
    refused = {refusal.engine for refusal in refusals}
    fit = [
        offer for name, offer in cloning.items() if named in {None, name} and name not in refused
    ]
    if not fit:
        raise NoEngineError(refusals)
    fit.sort(key=_rank)
    return [_maker(offer) for offer in fit if not offer.asleep] or [_maker(fit[0])]


def _refuse(name: str, offer: Offered | None, voice: Voice, *, commercial: bool) -> Refusal | None:
    if offer is None:
        return Refusal(
            name, "cloning_unsupported", f"No engine ({name}) that clones was seen here."
        )
    return refuse_use(offer, voice, commercial=commercial)


def refuse_use(offer: Offered, voice: Voice, *, commercial: bool) -> Refusal | None:
    """Why an engine cannot make this voice, for whoever asks."""
    name = offer.engine
    if primary_language(voice.language) not in offer.spoken:
        return Refusal(name, "language_unsupported", f"{name} does not speak {voice.language}.")
    if commercial and not offer.capabilities["commercial"]:
        return Refusal(name, "licence_forbids", f"{name}'s licence forbids commercial use.")
    if not offer.models:
        return Refusal(name, "voice_not_installed", _nothing_to_begin_with(offer))
    return None


def _nothing_to_begin_with(offer: Offered) -> str:
    if trains := offer.capabilities.get("trains"):
        return (
            f"There is nothing to train {trains} from: docs/training.md says which files it"
            " takes, and which licence is to be accepted."
        )
    return f"{offer.engine} has no model to begin with: see `manage.py models install`."


def _rank(offer: Offered) -> int:
    return BEST.index(offer.engine) if offer.engine in BEST else len(BEST)


def _maker(offer: Offered) -> Maker:
    least, most = offer.capabilities.get("clone_seconds") or (0.0, float("inf"))
    return Maker(offer.engine, offer.queue, next(iter(offer.models)), least, most)
