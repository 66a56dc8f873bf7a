"""What a clip must be like and how much an engine needs; the numbers lie beside, as data."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_worker.training.dataset.parts import DatasetError
from synthesis_worker.contract import Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpu_worker.training.dataset.parts import Rejection


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

    def check(self, clips: int, seconds: float, rejected: Sequence[Rejection] = ()) -> None:
        """DatasetError where so much is too little."""
        if clips < self.clips or seconds < self.seconds:
            raise DatasetError(
                f"There are {seconds:.0f} s of fit speech in {clips} clips, and"
                f" {self.seconds:.0f} s in {self.clips} are needed. Record at least"
                f" {max(0.0, self.seconds - seconds):.0f} s and"
                f" {max(0, self.clips - clips)} sentences more.",
                code="dataset_too_small",
                rejected=rejected,
            )


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
