"""What a voice is made from, measured all together, and what speaks it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from voices.models import Revision
from voices.samples.selectors import samples_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

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

# What a training is known by.
TRAINED = ("clips", "seconds", "steps", "losses", "dataset", "base", "batch")


@dataclass(frozen=True, slots=True)
class Score:
    """How close an engine finds what it speaks to the samples; None: it measures that not."""

    engine: str
    kind: str
    state: str  # of the best revision that has it: published, or draft
    likeness: float | None
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scorecard:
    states: Mapping[str, int]
    usable: int
    seconds: float
    measures: Mapping[str, float]
    reasons: Mapping[str, int]
    clones: Sequence[Score]


def scorecard_of(voice: Voice) -> Scorecard:
    """Of what the voice was given, and of what speaks, or could once its draft is published."""
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
        clones=_scores(voice),
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


def _scores(voice: Voice) -> list[Score]:
    """What is published, and what waits in the draft beside it."""
    scores: dict[UUID, Score] = {}
    for state in (Revision.State.PUBLISHED, Revision.State.DRAFT):
        heard = voice.artifacts.filter(bindings__revision__state=state).distinct()
        for artifact in heard.select_related("making"):
            scores.setdefault(artifact.id, _score(artifact, state))
    return list(scores.values())


def _score(artifact: Artifact, state: str) -> Score:
    about = {name: artifact.about[name] for name in TRAINED if name in artifact.about}
    return Score(
        artifact.engine, artifact.making.kind, state, artifact.about.get("likeness"), about
    )
