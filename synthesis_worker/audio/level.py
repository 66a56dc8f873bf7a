"""How loud a sound is (EBU R 128), and making it as loud as it should be, once per file."""

import math

import numpy as np

from synthesis_worker.audio.frames import filtered, run_filters
from synthesis_worker.contract import Waveform

BLOCK_SECONDS = 0.4  # the least that the standard can measure
ABSOLUTE_GATE = -70.0  # what lies below is silence to the standard


def loudness(waveform: Waveform) -> float:
    """Integrated loudness in LUFS; minus infinity for silence.

    A sound shorter than the standard's block is measured as if it went on repeating.
    """
    if not waveform.samples.any():
        return -math.inf
    reading = ABSOLUTE_GATE
    for frame in run_filters(_long_enough(waveform), ("ebur128", "metadata=1:framelog=quiet")):
        reading = float(frame.metadata.get("lavfi.r128.I", reading))
    return reading if reading > ABSOLUTE_GATE else -math.inf


def normalise(waveform: Waveform, target: float = -16.0, peak: float = -1.0) -> Waveform:
    """The sound at `target` LUFS with no sample above `peak` dBFS; silence stays as it is.

    Only what would pass the peak is limited, so a sound of few, high peaks ends a little softer.
    """
    measured = loudness(waveform)
    if math.isinf(measured):
        return waveform
    samples = waveform.samples * np.float32(_ratio(target - measured))
    louder = Waveform(samples, waveform.sample_rate)
    ceiling = _ratio(peak)
    return louder if np.abs(samples).max() <= ceiling else _limited(louder, ceiling)


def _limited(waveform: Waveform, ceiling: float) -> Waveform:
    limiter = f"limit={ceiling}:level=0:attack=5:release=50:latency=1"
    return filtered(waveform, ("alimiter", limiter))


def _long_enough(waveform: Waveform) -> Waveform:
    least = math.ceil(BLOCK_SECONDS * waveform.sample_rate)
    if len(waveform.samples) >= least:
        return waveform
    return Waveform(np.resize(waveform.samples, least), waveform.sample_rate)


def _ratio(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))
