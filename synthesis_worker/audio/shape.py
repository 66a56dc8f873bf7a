"""Joining, resampling and stretching sound."""

from collections.abc import Iterable

import numpy as np
import soxr

from synthesis_worker.audio.formats import AudioError
from synthesis_worker.audio.frames import filtered
from synthesis_worker.contract import AudioChunk, Waveform


def join(chunks: Iterable[AudioChunk]) -> Waveform:
    """One sound of all chunks, in their order; chunks must share a rate, one is not copied."""
    parts = list(chunks)
    rates = {part.sample_rate for part in parts}
    if len(rates) != 1:
        raise AudioError(f"Chunks of one sound have one sample rate; these have {sorted(rates)}.")
    if len(parts) == 1:
        return parts[0]
    return Waveform(np.concatenate([part.samples for part in parts]), rates.pop())


def resample(waveform: Waveform, rate: int) -> Waveform:
    """The same sound at another rate."""
    if rate == waveform.sample_rate:
        return waveform
    samples = soxr.resample(waveform.samples, waveform.sample_rate, rate)
    return Waveform(samples.astype(np.float32, copy=False), rate)


def stretch(waveform: Waveform, tempo: float) -> Waveform:
    """The same sound `tempo` times as fast (0.5 to 100), its pitch untouched."""
    if tempo == 1.0:
        return waveform
    return filtered(waveform, ("atempo", f"{tempo:.6f}"))
