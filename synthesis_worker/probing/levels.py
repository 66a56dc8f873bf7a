"""How loud and how wide a sound is, gathered while it is decoded."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error
import av.filter
import numpy as np
from numpy.fft import rfft, rfftfreq

from synthesis_worker.probing.wave_header import RATE

if TYPE_CHECKING:
    from synthesis_worker.probing.frames import Floats

FULL_SCALE = 0.985  # a lossy codec rounds the corners of what was cut off
RUN = 4
BEYOND = 1.05
SPECTRUM = 4096
HIGHEST_BAND = 24_000
BAND_HZ = 100
AUDIBLE_BELOW_LOUDEST = 70.0  # decibels: above what coding and 16 bits leave behind
BLOCK_SECONDS = 0.4  # the least that the standard can measure
ABSOLUTE_GATE = -70.0


class PeakMeter:
    """The highest sample, and how many lie in runs at full scale."""

    def __init__(self) -> None:
        self.peak, self.clipped, self.samples, self.broken = 0.0, 0, 0, 0

    def add(self, sound: Floats) -> Floats:
        """The sound back, within full scale and without what is no number."""
        finite = np.isfinite(sound)
        self.broken += int(sound.size - np.count_nonzero(finite))
        heights = np.abs(np.where(finite, sound, 0))
        self.peak = max(self.peak, float(heights.max(initial=0.0)))
        self.samples += sound.size
        if self.peak >= FULL_SCALE:
            self.clipped += sum(_in_runs(row) for row in heights)
        return np.clip(np.where(finite, sound, 0), -1, 1)

    @property
    def clipped_share(self) -> float:
        return self.clipped / max(1, self.samples)


def _in_runs(heights: Floats) -> int:
    """Samples in a row at full scale, or beyond it, where a decoder has overshot."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], heights >= FULL_SCALE, [False]])))
    lengths = edges[1::2] - edges[::2]
    lone = np.count_nonzero(heights > BEYOND)
    return max(int(lengths[lengths >= RUN].sum()), int(lone))


class BandMeter:
    """The mean spectrum at the sound's own rate, and up to where there is anything in it."""

    def __init__(self, rate: int) -> None:
        self.rate, self.rest = rate, np.zeros(0, np.float32)
        self.power = np.zeros(SPECTRUM // 2 + 1)

    def add(self, mono: Floats) -> None:
        sound = np.concatenate([self.rest, mono])
        rows = sound[: len(sound) // SPECTRUM * SPECTRUM].reshape(-1, SPECTRUM)
        self.rest = sound[rows.size :]
        if rows.any():
            window = np.hanning(SPECTRUM).astype(np.float32)
            self.power += (np.abs(rfft(rows * window)) ** 2).sum(axis=0)

    @property
    def bandwidth(self) -> float:
        """In Hz, to a band; 0 for silence."""
        edges = np.arange(0, min(self.rate / 2, HIGHEST_BAND) + BAND_HZ, BAND_HZ)
        places = np.digitize(rfftfreq(SPECTRUM, 1 / self.rate), edges)
        levels = np.bincount(places, self.power)[1 : len(edges)]
        heard = np.flatnonzero(levels > levels.max(initial=0) * 10 ** (-AUDIBLE_BELOW_LOUDEST / 10))
        return float(min((heard[-1] + 1) * BAND_HZ, self.rate / 2)) if len(heard) else 0.0


class LoudnessMeter:
    """Integrated loudness (EBU R 128) of the canonical sound, by ffmpeg's own filter."""

    def __init__(self) -> None:
        self.reading, self.taken = ABSOLUTE_GATE, 0
        self.graph = av.filter.Graph()
        self.graph.threads = 1
        source = self.graph.add_abuffer(
            sample_rate=RATE, format="flt", layout="mono", time_base=Fraction(1, RATE)
        )
        meter = self.graph.add("ebur128", "metadata=1:framelog=quiet")
        sink = self.graph.add("abuffersink", "")
        source.link_to(meter)
        meter.link_to(sink)
        self.graph.configure()

    def add(self, block: Floats) -> None:
        if self.taken == 0 and len(block) < BLOCK_SECONDS * RATE:
            block = np.resize(block, math.ceil(BLOCK_SECONDS * RATE))
        frame = av.AudioFrame.from_ndarray(block[np.newaxis], format="flt", layout="mono")
        frame.sample_rate, frame.pts = RATE, self.taken
        frame.time_base = Fraction(1, RATE)
        self.taken += len(block)
        self.graph.push(frame)
        self._read()

    @property
    def lufs(self) -> float | None:
        """None for what the standard calls silence."""
        return self.reading if self.reading > ABSOLUTE_GATE else None

    def _read(self) -> None:
        while True:
            try:
                frame = self.graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            self.reading = float(frame.metadata.get("lavfi.r128.I", self.reading))
