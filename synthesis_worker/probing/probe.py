"""One upload through the sandboxed child, and its answer read with as little trust."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from synthesis_worker.probing.reasons import REASONS, reason, verdict_of
from synthesis_worker.probing.sandbox import BUSY, Ended, run_child
from synthesis_worker.probing.verdict import LIMITS, Measures, Probed, Reason
from synthesis_worker.probing.wave_header import NAME, is_canonical

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthesis_worker.probing.verdict import Limits

logger = logging.getLogger(__name__)

CHILD = "synthesis_worker.probing.child"
LONGEST_MESSAGE, LONGEST_NAME = 300, 40


def probe(
    path: Path,
    folder: Path,
    *,
    limits: Limits = LIMITS,
    on_progress: Callable[[float], None] | None = None,
) -> Probed:
    """A verdict for whatever the file holds; the canonical sound is left in the empty folder."""

    def hear(line: bytes) -> None:
        progress = _progress(line)
        if on_progress and progress is not None:
            on_progress(progress)

    with path.open("rb") as upload:
        ended = run_child((CHILD, json.dumps(asdict(limits))), upload, folder, limits, hear)
    return _probed(ended, folder / NAME)


def _progress(line: bytes) -> float | None:
    try:
        return min(1.0, max(0.0, float(line)))
    except ValueError:
        return None


def _probed(ended: Ended, wave: Path) -> Probed:
    """What the child says is read as what a stranger says."""
    try:
        answer = json.loads(ended.lines[-1], parse_constant=_no_number)
        reasons = tuple(_reason(one) for one in answer["reasons"])
        measures = _measures(answer["measures"]) if "measures" in answer else None
        peaks = tuple((float(low), float(high)) for low, high in answer.get("peaks", ()))
    except (IndexError, ValueError, TypeError, KeyError):
        return _dead(ended)
    if measures and not is_canonical(wave):
        return _dead(ended)
    whole = wave if measures else None
    return Probed(verdict_of(reasons), reasons, measures, whole, peaks, ended.cost)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no measure")


def _measures(said: dict[str, Any]) -> Measures:
    names = {name: str(said[name])[:LONGEST_NAME] for name in ("container", "codec")}
    quiet = {"loudness_lufs": None} if said["loudness_lufs"] is None else {}
    whole = {name: int(said[name]) for name in ("sample_rate", "channels")}
    rest = {
        one.name: float(said[one.name])
        for one in fields(Measures)
        if one.name not in {*names, *quiet, *whole}
    }
    return Measures(**names, **quiet, **whole, **rest)  # type: ignore[arg-type]


def _reason(said: dict[str, Any]) -> Reason:
    """The words may say more than ours; what they mean is ours alone."""
    plain = REASONS[said["code"]]
    return Reason(plain.code, str(said["message"])[:LONGEST_MESSAGE], plain.tip, plain.sure)


def _dead(ended: Ended) -> Probed:
    """The child gave no answer: it was too slow, or the file broke it."""
    code = "probe_timeout" if ended.late or ended.code == BUSY else "probe_failed"
    logger.warning("a probe ended without an answer: %s, exit status %s", code, ended.code)
    reasons = (reason(code),)
    return Probed(verdict_of(reasons), reasons, None, None, (), ended.cost)
