"""The router: which engines may speak a request, in which order, and why the others may not."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from voices.dials import turned
from voices.text.languages import primary_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CHAINS: dict[str, tuple[str, ...]] = {
    "highest": ("styletts2", "xtts_v2", "google", "piper", "espeak"),
    "high": ("xtts_v2", "styletts2", "google", "azure", "piper", "espeak"),
    "medium": ("piper", "xtts_v2", "google", "espeak"),
    "fast": ("piper", "google", "azure", "espeak"),
}
CHARACTERS_PER_SECOND = 15.0


@dataclass(frozen=True, slots=True)
class Offered:
    """An engine on a queue, as its workers announced it. Asleep: none of them is alive now."""

    engine: str
    queue: str
    capabilities: Mapping[str, Any]
    asleep: bool = False
    spoken: frozenset[str] = field(init=False)  # languages, whatever the region
    models: Mapping[str, Mapping[str, Any]] = field(init=False)  # by id

    def __post_init__(self) -> None:
        """Every request asks, and an engine may have hundreds of each."""
        spoken = frozenset(primary_language(tag) for tag in self.capabilities["languages"])
        object.__setattr__(self, "spoken", spoken)
        models = {model["id"]: model for model in self.capabilities["models"]}
        object.__setattr__(self, "models", models)

    def model(self, name: str) -> Mapping[str, Any] | None:
        """The model by its id; "en-us+f3" is the model en-us in the variant f3."""
        base, _, variant = name.partition("+")
        if variant and variant not in self.capabilities.get("variants", ()):
            return None
        return self.models.get(name) or self.models.get(base)


@dataclass(frozen=True, slots=True)
class Bound:
    """How a voice's revision binds an engine."""

    engine: str
    model: str
    speaker: int | None = None
    substitute: bool = False
    artifact: str = ""  # the hash of what an engine keeps of a cloned or trained speaker
    language: str = ""  # that it was trained in


@dataclass(frozen=True, slots=True)
class Wish:
    """What the request needs of an engine.

    `defaults` are a stock voice's: an engine that lacks them does without. `settings` are what the
    owner of a voice turned: an engine that cannot express them does not speak it.
    """

    language: str
    characters: int
    dials: Mapping[str, float] = field(default_factory=dict)
    defaults: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    quality: str = "medium"
    engine: str | None = None
    substitutes: bool = False
    commercial: bool = True


@dataclass(frozen=True, slots=True)
class Way:
    """One way to speak it."""

    engine: str
    queue: str
    model: str
    digest: str
    speaker: int | None
    substitute: bool
    dials: Mapping[str, float]
    cost: float
    asleep: bool
    artifact: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an engine is not in the plan."""

    engine: str
    code: str
    message: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Route:
    ways: Sequence[Way]
    refusals: Sequence[Refusal]


def find_route(bindings: Iterable[Bound], offers: Iterable[Offered], wish: Wish) -> Route:
    """The ways to speak a wish, best first: itself before a stand-in, awake before asleep."""
    by_engine = offers_by_engine(offers)
    ways: list[Way] = []
    refusals: list[Refusal] = []
    for bound in bindings:
        offer = by_engine.get(bound.engine)
        refusal = _refuse(bound, offer, wish)
        if refusal is not None or offer is None:
            refusals.append(refusal or _unknown(bound))
        else:
            ways.append(_way(bound, offer, wish))
    ways.sort(key=lambda way: (way.substitute, way.asleep, _rank(wish.quality, way.engine)))
    return Route(ways, refusals)


def offers_by_engine(offers: Iterable[Offered]) -> dict[str, Offered]:
    """One offer of each engine: where it is on several queues, one that is awake."""
    return {offer.engine: offer for offer in sorted(offers, key=lambda offer: not offer.asleep)}


def _rank(quality: str, engine: str) -> int:
    chain = CHAINS[quality]
    return chain.index(engine) if engine in chain else len(chain)


def _unknown(bound: Bound) -> Refusal:
    return Refusal(
        bound.engine, "engine_unknown", f"No worker with {bound.engine} was ever seen here."
    )


def _refuse(bound: Bound, offer: Offered | None, wish: Wish) -> Refusal | None:
    """The first reason why this binding cannot speak the wish."""
    if wish.engine and bound.engine != wish.engine:
        return Refusal(bound.engine, "not_asked_for", f"{wish.engine} was asked for.")
    if bound.substitute and not wish.substitutes:
        message = f"{bound.engine} would stand in with another speaker; ask for substitute: flag."
        return Refusal(bound.engine, "substitute_refused", message)
    if offer is None:
        return _unknown(bound)
    checks = (
        _refuse_model,
        _refuse_artifact,
        _refuse_language,
        _refuse_length,
        _refuse_licence,
        _refuse_dials,
    )
    return next((no for check in checks if (no := check(bound, offer, wish))), None)


def brings_its_model(artifact: bool, offer: Offered) -> bool:
    """What was trained elsewhere is a model of its own, and is installed nowhere."""
    return artifact and bool(offer.capabilities.get("trained"))


def _trained(bound: Bound, offer: Offered) -> bool:
    return brings_its_model(bool(bound.artifact), offer)


def _refuse_model(bound: Bound, offer: Offered, wish: Wish) -> Refusal | None:
    if _trained(bound, offer) or offer.model(bound.model) is not None:
        return None
    message = f"{bound.model} is not installed for {bound.engine}: see `manage.py models install`."
    return Refusal(bound.engine, "voice_not_installed", message)


def _refuse_language(bound: Bound, offer: Offered, wish: Wish) -> Refusal | None:
    trained = _trained(bound, offer)
    spoken = {primary_language(bound.language)} if trained else offer.spoken
    if primary_language(wish.language) in spoken:
        return None
    message = f"{bound.engine} does not speak {wish.language}."
    if trained:
        message = f"The voice was trained in {bound.language}, not in {wish.language}."
    return Refusal(bound.engine, "language_unsupported", message)


def _refuse_length(bound: Bound, offer: Offered, wish: Wish) -> Refusal | None:
    most = int(offer.capabilities["max_characters"])
    if wish.characters <= most:
        return None
    return Refusal(bound.engine, "text_too_long", f"{bound.engine} takes {most} characters.")


def _refuse_licence(bound: Bound, offer: Offered, wish: Wish) -> Refusal | None:
    if offer.capabilities["commercial"] or not wish.commercial:
        return None
    message = f"{bound.engine}'s licence forbids commercial use."
    return Refusal(bound.engine, "licence_forbids", message)


def _refuse_dials(bound: Bound, offer: Offered, wish: Wish) -> Refusal | None:
    return refuse_dials(bound.engine, offer, _dials(bound, offer, wish))


def _dials(bound: Bound, offer: Offered, wish: Wish) -> dict[str, float]:
    """What the request asks for goes before what the voice's owner turned."""
    has = offer.capabilities["dials"]
    return turned(wish.settings, bound.engine, has) | dict(wish.dials)


def refuse_dials(engine: str, offer: Offered, dials: Mapping[str, float]) -> Refusal | None:
    """The first reason why an engine cannot have its dials like this."""
    ranges: Mapping[str, Mapping[str, float]] = offer.capabilities["dials"]
    for name, value in dials.items():
        if name not in ranges:
            message = f"{engine} has no {name}; it has {', '.join(ranges) or 'no settings'}."
            return Refusal(engine, "setting_unsupported", message)
        low, high = ranges[name]["low"], ranges[name]["high"]
        if not (math.isfinite(value) and low <= value <= high):
            message = f"{name} of {engine} goes from {low:g} to {high:g}, not {value:g}."
            return Refusal(engine, "setting_out_of_range", message)
    return None


def _refuse_artifact(bound: Bound, offer: Offered, wish: Wish) -> Refusal | None:
    if not bound.artifact or offer.capabilities.get("clones") or _trained(bound, offer):
        return None
    message = f"{bound.engine} does not clone: what was cloned is no voice for it."
    return Refusal(bound.engine, "cloning_unsupported", message)


def _way(bound: Bound, offer: Offered, wish: Wish) -> Way:
    expressible = offer.capabilities["dials"]
    defaults = {name: value for name, value in wish.defaults.items() if name in expressible}
    factor = float(offer.capabilities["real_time_factor"])
    return Way(
        engine=bound.engine,
        queue=offer.queue,
        model=bound.model,
        digest=_digest(bound, offer),
        speaker=bound.speaker,
        substitute=bound.substitute,
        dials=defaults | _dials(bound, offer, wish),
        cost=max(0.01, wish.characters / CHARACTERS_PER_SECOND * factor),
        asleep=offer.asleep,
        artifact=bound.artifact,
    )


def _digest(bound: Bound, offer: Offered) -> str:
    """Of all that decides the voice: the model, and what was cloned with it or trained instead."""
    model = None if _trained(bound, offer) else offer.model(bound.model)
    digest = str(model["digest"]) if model else ""
    return f"{digest}+{bound.artifact}" if bound.artifact else digest
