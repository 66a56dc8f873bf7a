"""Whether the voiced parts of a sound come from one voice: clusters of pitch and of envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthesis_worker.probing.evidence import grade

if TYPE_CHECKING:
    from synthesis_worker.probing.frames import Floats, Frames

Flags = npt.NDArray[np.bool_]

PERIODIC = 0.7
TURN, PHRASE, STEP = 50, 100, 25  # voiced frames: one second, two, and half a second
LEAST_WINDOWS, MOST_WINDOWS = 4, 400
LEAST_SHARE = 0.1  # of the windows; less is a stray
LEAST_SPREAD = 0.3
ENVELOPE_ALONE = 0.6  # a room or a microphone that changes looks like another voice
ROUNDS = 20


def one_speaker(frames: Frames, active: Flags) -> float:
    """A confidence from 0 to 1. Two voices of like pitch that take turns may pass for one."""
    places = np.flatnonzero(active & (frames.periodicity > PERIODIC))
    return (1 - _by_pitch(frames, places)) * (1 - _by_envelope(frames, places))


def _by_pitch(frames: Frames, places: npt.NDArray[np.intp]) -> float:
    """Two far and narrow clusters of pitch whose envelopes differ too; a lively reader has one."""
    windows = _windows(len(places), TURN)
    if len(windows) < LEAST_WINDOWS:
        return 0.0
    pitch = np.median(frames.pitch[places[windows]], axis=1)
    high = _high_part(pitch)
    if min(high.mean(), 1 - high.mean()) < LEAST_SHARE:
        return 0.0
    apart, spread = _apart(pitch[high], pitch[~high])
    envelopes = frames.cepstra[places[windows]].mean(axis=1)
    unlike = float(np.linalg.norm(envelopes[high].mean(axis=0) - envelopes[~high].mean(axis=0)))
    far = grade(apart, 3, 7) * grade(apart / max(spread, LEAST_SPREAD), 3.5, 6)
    return far * grade(unlike, 0.5, 2.5)


def _by_envelope(frames: Frames, places: npt.NDArray[np.intp]) -> float:
    windows = _windows(len(places), PHRASE)
    if len(windows) < LEAST_WINDOWS:
        return 0.0
    envelopes = frames.cepstra[places[windows]].mean(axis=1)
    one = _nearer_to_one_end(envelopes)
    if min(one.mean(), 1 - one.mean()) < LEAST_SHARE:
        return 0.0
    between = envelopes[one].mean(axis=0) - envelopes[~one].mean(axis=0)
    along = envelopes @ (between / (np.linalg.norm(between) + 1e-9))
    apart, spread = _apart(along[one], along[~one])
    return ENVELOPE_ALONE * grade(apart, 2.3, 3.0) * grade(apart / max(spread, 1e-9), 4, 5)


def _windows(count: int, size: int) -> npt.NDArray[np.intp]:
    """Runs of so many voiced frames, as rows of their numbers; of an hour not all of them."""
    starts = np.arange(0, count - size + 1, max(STEP, count // MOST_WINDOWS))
    return np.asarray(starts[:, np.newaxis] + np.arange(size))


def _apart(one: Floats, other: Floats) -> tuple[float, float]:
    """How far two clusters' middles are from each other, and their common spread."""
    rest = np.concatenate([one - one.mean(), other - other.mean()])
    return abs(float(one.mean() - other.mean())), float(np.sqrt(np.mean(rest**2)))


def _high_part(values: Floats) -> Flags:
    """The split of the values into low and high that leaves the least spread within the two."""
    order = np.sort(values)
    least = min(range(1, len(order)), key=lambda cut: _scatter(order[:cut]) + _scatter(order[cut:]))
    return np.asarray(values >= order[least])


def _scatter(values: Floats) -> float:
    return float(((values - values.mean()) ** 2).sum())


def _nearer_to_one_end(points: Floats) -> Flags:
    """Two means, from the two points that are farthest apart."""
    apart = _distances(points, points)
    ends = points[list(np.unravel_index(int(apart.argmax()), apart.shape))]
    for _ in range(ROUNDS):
        one = _distances(points, ends).argmin(axis=1) == 0
        if one.all() or not one.any():
            break
        ends = np.stack([points[one].mean(axis=0), points[~one].mean(axis=0)])
    return np.asarray(one)


def _distances(points: Floats, others: Floats) -> Floats:
    return np.asarray(((points[:, np.newaxis] - others[np.newaxis]) ** 2).sum(axis=2))
