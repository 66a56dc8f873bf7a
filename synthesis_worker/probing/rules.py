"""What the measures mean: each rule is a bound and the reason that crossing it gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthesis_worker.probing.reasons import reason

if TYPE_CHECKING:
    from synthesis_worker.probing.verdict import Limits, Measures, Reason

SILENT_DBFS = -50.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Of the rules on one measure the first that is crossed speaks; what cannot be measured (the
    loudness of near silence) crosses."""

    code: str
    measure: str
    below: float = -math.inf
    above: float = math.inf

    def crossed(self, measures: Measures) -> bool:
        value: float | None = getattr(measures, self.measure)
        return value is None or value < self.below or value > self.above


RULES = (
    Rule("not_speech", "is_speech", below=0.1),
    Rule("maybe_not_speech", "is_speech", below=0.5),
    Rule("several_speakers", "one_speaker", below=0.05),
    Rule("maybe_several_speakers", "one_speaker", below=0.5),
    Rule("too_quiet", "loudness_lufs", below=-38.0),
    Rule("clipped", "clipped_share", above=0.001),
    Rule("noisy", "snr_db", below=16.0),
    Rule("narrow_band", "bandwidth_hz", below=5500.0),
    Rule("much_silence", "silence_share", above=0.5),
)


def reasons_for(measures: Measures, limits: Limits) -> list[Reason]:
    """Of what is silent, too short, or surely no speech, nothing more is said."""
    if measures.peak_dbfs < SILENT_DBFS:
        return [reason("silent")]
    if measures.seconds < limits.least_speech_seconds:
        return [reason("too_short")]
    if RULES[0].crossed(measures):
        return [reason(RULES[0].code)]
    if measures.seconds * measures.speech_share < limits.least_speech_seconds:
        return [reason("too_short")]
    return _quality(measures)


def _quality(measures: Measures) -> list[Reason]:
    found: dict[str, Reason] = {}
    for rule in RULES:
        if rule.measure not in found and rule.crossed(measures):
            found[rule.measure] = reason(rule.code)
    return list(found.values())
