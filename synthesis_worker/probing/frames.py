"""What is heard in each fiftieth of a second of the canonical sound: level, pitch, envelope."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numpy.fft import irfft, rfft, rfftfreq

from synthesis_worker.probing.wave_header import RATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Floats = npt.NDArray[np.float32]

HOP = RATE // 50
WINDOW = 1200  # 50 ms: three periods of the lowest voice
SIZE = 2048  # the window and the longest lag, so that no end meets its own beginning
LOWEST_VOICE, HIGHEST_VOICE = 60, 500
OCTAVE_COST = 0.02  # of two lags that fit alike the shorter is the period
LEAST_BEND = 1e-6
BANDS, CEPSTRA = 26, 12
QUIETEST, SILENCE = -120.0, -75.0


@dataclass(frozen=True, slots=True)
class Frames:
    """One row a frame. `pitch` is in semitones above 55 Hz and means little without periodicity."""

    level: Floats
    pitch: Floats
    periodicity: Floats
    breadth: Floats
    tilt: Floats
    cepstra: Floats

    def __len__(self) -> int:
        return len(self.level)


def frames_of(blocks: Iterable[Floats]) -> Frames:
    """The frames of a sound that comes in blocks of any length."""
    parts = [_measure(rows) for rows in _windows(blocks)]
    return Frames(*(_joined(parts, field.name) for field in fields(Frames)))


def _joined(parts: list[Frames], name: str) -> Floats:
    nothing = np.zeros((0, CEPSTRA) if name == "cepstra" else 0, np.float32)
    return np.concatenate([nothing, *(getattr(part, name) for part in parts)])


def _windows(blocks: Iterable[Floats]) -> Iterator[Floats]:
    rest = np.zeros(0, np.float32)
    for block in blocks:
        sound = np.concatenate([rest, block])
        count = max(0, (len(sound) - WINDOW) // HOP + 1)
        if count:
            yield np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[: count * HOP : HOP]
        rest = sound[count * HOP :]


def _measure(rows: Floats) -> Frames:
    """Silence costs nothing and is nothing but its level."""
    level = _decibels(np.mean(rows**2, axis=1))
    heard = level > SILENCE
    measured = _measure_heard(rows[heard])
    spread = {name: _spread(values, heard) for name, values in measured.items()}
    return Frames(level=level, **spread)


def _spread(values: Floats, places: npt.NDArray[np.bool_]) -> Floats:
    all_rows = np.zeros((len(places), *values.shape[1:]), np.float32)
    all_rows[places] = values
    return all_rows


def _measure_heard(rows: Floats) -> dict[str, Floats]:
    steady = rows - rows.mean(axis=1, keepdims=True)
    power = np.abs(rfft(steady * np.hanning(WINDOW).astype(np.float32), SIZE)) ** 2
    pitch, periodicity = _pitch(power)
    bands = _band_levels(power)
    return {
        "pitch": pitch,
        "periodicity": periodicity,
        "breadth": _breadth(bands),
        "tilt": _tilt(power),
        "cepstra": _float(bands @ _cosines()),
    }


def _breadth(bands: Floats) -> Floats:
    """The share of the bands within 30 decibels of the loudest: small for a tone."""
    near = bands > bands.max(axis=1, keepdims=True) - 30
    return _float(near.mean(axis=1))


def _pitch(power: Floats) -> tuple[Floats, Floats]:
    """Boersma's way: the autocorrelation of the frame over that of its window."""
    shortest, longest = RATE // HIGHEST_VOICE, RATE // LOWEST_VOICE
    turned = irfft(power, SIZE)[:, : longest + 2]
    likeness = turned / (turned[:, :1] + 1e-9) / _window_likeness()[: longest + 2]
    lags = np.arange(shortest, longest + 1)
    fit = likeness[:, lags] - OCTAVE_COST * np.log2(lags / shortest)
    best = lags[np.argmax(fit, axis=1)]
    row = np.arange(len(power))
    left, top, right = (likeness[row, best + step] for step in (-1, 0, 1))
    bend = np.minimum(left - 2 * top + right, -LEAST_BEND)
    shift = 0.5 * (left - right) / bend
    period = best + np.clip(shift, -0.5, 0.5)
    return _float(12 * np.log2(RATE / period / 55)), _float(np.clip(top, 0.0, 1.0))


@cache
def _window_likeness() -> npt.NDArray[np.float64]:
    power = np.abs(rfft(np.hanning(WINDOW), SIZE)) ** 2
    likeness = irfft(power, SIZE)
    return np.asarray(likeness / likeness[0])


def _band_levels(power: Floats) -> Floats:
    """Mel bands in decibels, no more than 60 below the loudest, around their own mean."""
    levels = _decibels(power @ _mel_bands())
    held = np.maximum(levels, levels.max(axis=1, keepdims=True) - 60)
    return _float(held - held.mean(axis=1, keepdims=True))


@cache
def _mel_bands() -> Floats:
    mels = np.linspace(_mel(80.0), _mel(8000.0), BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = rfftfreq(SIZE, 1 / RATE)[:, np.newaxis]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return _float(np.clip(np.minimum(rise, fall), 0, None))


def _mel(frequency: float) -> float:
    return float(2595 * np.log10(1 + frequency / 700))


@cache
def _cosines() -> Floats:
    places = (np.arange(BANDS) + 0.5)[:, np.newaxis] * np.arange(1, CEPSTRA + 1)
    return _float(np.cos(np.pi * places / BANDS) / BANDS)


def _tilt(power: Floats) -> Floats:
    """How much of the frame lies above 2 kHz, in decibels: high for hisses, low for vowels."""
    edge = 2000 * SIZE // RATE
    return _decibels(power[:, edge:].sum(axis=1) / (power.sum(axis=1) + 1e-12))


def _decibels(power: npt.NDArray[np.floating]) -> Floats:
    return _float(10 * np.log10(np.maximum(power, 10 ** (QUIETEST / 10))))


def _float(values: npt.NDArray[np.floating]) -> Floats:
    return values.astype(np.float32)
