"""The settings of a voice: what they are called, how far they go, and which dials they turn.

The one place where a setting becomes an engine's dial. A setting turns the dial of its own name,
and what each dial does to the sound is the engine's part; `speaking_rate` multiplies `speed` where
an engine has no dial of that name. What stands at its default turns nothing, so no engine refuses
it. `advanced` holds dials by engine: they go to that engine alone, as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ADVANCED = "advanced"
RATE, SPEED = "speaking_rate", "speed"


@dataclass(frozen=True, slots=True)
class Setting:
    """From where to where it goes, and where it stands if nobody touches it."""

    low: float
    high: float
    default: float
    says: str
    switch: bool = False

    def value(self, number: float) -> float | bool:
        return bool(number) if self.switch else float(number)


SETTINGS: Mapping[str, Setting] = {
    "stability": Setting(0, 1, 0.75, "even, or full of expression"),
    "similarity_boost": Setting(0, 1, 0.85, "how closely it keeps to the samples"),
    "style": Setting(0, 1, 0.5, "how much of the speaker's manner"),
    "use_speaker_boost": Setting(0, 1, 1, "clearer likeness, at some cost", switch=True),
    "pitch": Setting(-12, 12, 0, "in semitones"),
    "speaking_rate": Setting(0.25, 4, 1, "how fast it speaks, as a factor"),
    "temperature": Setting(0.1, 1, 0.75, "how freely it is drawn"),
    "length_penalty": Setting(0.1, 10, 1, "above 1: longer"),
    "repetition_penalty": Setting(1, 20, 5, "against stuttering"),
    "top_k": Setting(1, 1000, 50, "how many sounds it chooses from"),
    "top_p": Setting(0, 1, 0.85, "how likely sounds are that it chooses from"),
    "speed": Setting(0.25, 4, 1, "how fast it speaks, as a factor"),
}


def kept(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a revision keeps: the settings that somebody turned, and the advanced ones."""
    turned = {
        name: setting.value(settings[name])
        for name, setting in SETTINGS.items()
        if name in settings and float(settings[name]) != setting.default
    }
    advanced = {
        engine: dict(dials) for engine, dials in settings.get(ADVANCED, {}).items() if dials
    }
    return turned | ({ADVANCED: advanced} if advanced else {})


def shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """All of them, each where it stands."""
    return {
        name: setting.value(settings.get(name, setting.default))
        for name, setting in SETTINGS.items()
    }


def numbers(settings: Mapping[str, Any]) -> dict[str, float]:
    """The settings that are no engine's own."""
    return {name: float(value) for name, value in settings.items() if name != ADVANCED}


def dial_of(setting: str, has: Collection[str]) -> str:
    """The dial that a setting turns, at an engine which has those of `has`."""
    return SPEED if setting == RATE and RATE not in has else setting


def turned(settings: Mapping[str, Any], engine: str, has: Collection[str]) -> dict[str, float]:
    """The dials that these settings turn at an engine which has those of `has`."""
    dials = numbers(settings)
    if RATE in dials and dial_of(RATE, has) == SPEED:
        dials[SPEED] = round(dials.get(SPEED, 1.0) * dials.pop(RATE), 4)
    return dials | {
        name: float(value) for name, value in settings.get(ADVANCED, {}).get(engine, {}).items()
    }
