"""What a probe is asked and what it answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

Verdict = Literal["accepted", "warned", "rejected"]
ACCEPTED: Verdict = "accepted"
WARNED: Verdict = "warned"
REJECTED: Verdict = "rejected"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost, and what a header may claim before anything is decoded."""

    file_bytes: int = 32 * 2**20
    seconds: float = 3600.0
    least_speech_seconds: float = 1.0
    channels: int = 8
    lowest_rate: int = 8000
    highest_rate: int = 192_000
    address_space: int = 512 * 2**20
    cpu_seconds: int = 60
    wall_seconds: float = 120.0


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing to know about a sample. Only what is `sure` may reject it."""

    code: str
    message: str
    tip: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured. `is_speech` and `one_speaker` are confidences from 0 to 1."""

    seconds: float
    container: str
    codec: str
    sample_rate: int
    channels: int
    loudness_lufs: float | None
    peak_dbfs: float
    clipped_share: float
    noise_floor_dbfs: float
    snr_db: float
    speech_share: float
    silence_share: float
    bandwidth_hz: float
    is_speech: float
    one_speaker: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What the child took, as the kernel counted it."""

    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Probed:
    verdict: Verdict
    reasons: tuple[Reason, ...]
    measures: Measures | None
    wave: Path | None
    peaks: tuple[tuple[float, float], ...]
    cost: Cost


def to_json(probed: Probed) -> dict[str, Any]:
    """All but where the canonical sound lies, for the ledger."""
    return {
        "verdict": probed.verdict,
        "reasons": [asdict(reason) for reason in probed.reasons],
        "measures": asdict(probed.measures) if probed.measures else None,
        "peaks": [list(pair) for pair in probed.peaks],
        "cost": asdict(probed.cost),
    }
