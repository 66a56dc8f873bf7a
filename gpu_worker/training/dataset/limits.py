"""What a clip must be like and how much an engine needs; the numbers lie beside, as data."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from synthesis_worker.contract import Unsupported


@dataclass(frozen=True, slots=True)
class Minimum:
    """What a training needs of clips that are fit, and the most sound that it takes in all.

    `most_clip_seconds`: where it takes no clip as long as others do.
    """

    seconds: float
    clips: int
    most_seconds: float
    most_clip_seconds: float = float("inf")

    @property
    def longest_clip(self) -> float:
        return min(self.most_clip_seconds, limits().most_clip_seconds)


@dataclass(frozen=True, slots=True)
class Limits:
    least_clip_seconds: float
    least_given_seconds: float  # of a cut that a transcript gives
    most_clip_seconds: float
    enough_clip_seconds: float  # what a recording that we cut ourselves is cut into, at least
    characters_a_second: tuple[float, float]
    least_speech_share: float
    least_snr_db: float
    least_inner_snr_db: float  # without the silence at the ends
    most_clipped_share: float
    least_match: float  # of a given text with what was recognised
    least_one_speaker: float  # confidence; 0 lets any number of speakers pass
    loudness_lufs: float
    most_seconds: float  # of all recordings, whatever the engine


def minimum_for(engine: str) -> Minimum:
    try:
        return Minimum(**_data()["engines"][engine])
    except KeyError:
        message = f"{engine} has no training here; choose another engine."
        raise Unsupported(message, code="training_unsupported") from None


def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return data


@cache
def limits() -> Limits:
    data = _data()
    return Limits(**{field.name: data[field.name] for field in fields(Limits)})
