"""What a voice is made from, measured all together, and how alike its clones are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from voices.models import Revision
from voices.samples.selectors import samples_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from voices.models import Artifact, Sample, Voice

# The measures that say something of all samples together; each by its mean, by seconds.
MEASURES = (
    "loudness_lufs",
    "peak_dbfs",
    "clipped_share",
    "noise_floor_dbfs",
    "snr_db",
    "speech_share",
    "bandwidth_hz",
    "is_speech",
    "one_speaker",
)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How close an engine finds its clone to the samples; None: it measures none."""

    engine: str
    likeness: float | None


@dataclass(frozen=True, slots=True)
class Scorecard:
    states: Mapping[str, int]
    usable: int
    seconds: float
    measures: Mapping[str, float]
    reasons: Mapping[str, int]
    clones: Sequence[Likeness]


def scorecard_of(voice: Voice) -> Scorecard:
    """Of what the voice was given, and of what speaks as it is published."""
    samples = samples_of(voice)
    usable = [sample for sample in samples if sample.usable]
    return Scorecard(
        states=_count(sample.state for sample in samples),
        usable=len(usable),
        seconds=round(sum(sample.seconds for sample in usable), 3),
        measures={name: value for name in MEASURES if (value := _mean(usable, name)) is not None},
        reasons=_count(
            reason["code"] for sample in samples for reason in sample.verdict.get("reasons", [])
        ),
        clones=[_likeness(artifact) for artifact in _artifacts(voice)],
    )


def _count(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words))


def _mean(samples: Sequence[Sample], name: str) -> float | None:
    """Longer samples count for more; what was not measured counts for nothing."""
    measured = [
        (sample.verdict["measures"][name], sample.seconds)
        for sample in samples
        if (sample.verdict.get("measures") or {}).get(name) is not None
    ]
    if not measured:
        return None
    values, weights = zip(*measured, strict=True)
    return round(fmean(values, weights if sum(weights) else None), 3)


def _artifacts(voice: Voice) -> list[Artifact]:
    heard = voice.artifacts.filter(bindings__revision__state=Revision.State.PUBLISHED)
    return list(heard.distinct())


def _likeness(artifact: Artifact) -> Likeness:
    return Likeness(artifact.engine, artifact.about.get("likeness"))
