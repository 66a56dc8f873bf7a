"""The canonical form of a sample: mono, 16-bit PCM, 24 kHz; written and read in pieces."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import av
import numpy as np

from synthesis_worker.probing.wave_header import HEADER, RATE, header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from synthesis_worker.probing.frames import Floats

BLOCK = 10 * RATE
SCALE = 32768.0


class CanonicalWriter:
    """Takes the sound as it is decoded; the same sound in gives the same bytes."""

    def __init__(self, file: BinaryIO, rate: int) -> None:
        self.file, self.rate, self.taken, self.written = file, rate, 0, 0
        self.resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        file.write(header(0))

    def write(self, mono: Floats) -> None:
        frame = av.AudioFrame.from_ndarray(mono[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = self.rate
        frame.time_base = Fraction(1, self.rate)
        frame.pts = self.taken
        self.taken += len(mono)
        self._put(frame)

    def close(self) -> None:
        self._put(None)
        self.file.seek(0)
        self.file.write(header(self.written))
        self.file.flush()

    def _put(self, frame: av.AudioFrame | None) -> None:
        for part in self.resampler.resample(frame):
            self.written += self.file.write(part.to_ndarray().tobytes())


def blocks_of(file: BinaryIO) -> Iterator[Floats]:
    """The canonical sound in pieces of ten seconds."""
    file.seek(HEADER.size)
    while data := file.read(2 * BLOCK):
        yield np.frombuffer(data, "<i2").astype(np.float32) / np.float32(SCALE)
