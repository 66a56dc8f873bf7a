"""What the style encoders hear of a sample: its sound without the silent ends, as a mel picture."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

RATE = 24_000
SILENT = 30.0  # dB under the loudest moment
FRAME, STEP = 2048, 512  # of the search for silence
FFT, WINDOW, HOP, MELS = 2048, 1200, 300, 80
MEAN, SPREAD = -4.0, 4.0


def trimmed(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """As librosa.effects.trim does it, whose cuts the published model was used with."""
    padded = np.pad(samples, FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::STEP]
    power = np.mean(np.square(frames), axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-SILENT / 10))
    if not loud.size:
        return samples[:0]
    return samples[loud[0] * STEP : min(len(samples), (loud[-1] + 1) * STEP)]


def mel_picture(samples: npt.NDArray[np.float32]) -> Tensor:
    """[1, mels, frames], as the published model was trained on it."""
    power = torch.stft(
        torch.from_numpy(samples), FFT, HOP, WINDOW, torch.hann_window(WINDOW), return_complex=True
    )
    mel = _filters().T @ power.abs().square()
    return (torch.log(1e-5 + mel[None]) - MEAN) / SPREAD


@cache
def _filters() -> Tensor:
    """Triangles on HTK's scale, made for 16 kHz though the sound has 24: it was trained so."""
    heard = torch.linspace(0, 8000, FFT // 2 + 1)
    top = 2595.0 * np.log10(1.0 + 8000.0 / 700.0)
    corners = 700.0 * (10.0 ** (torch.linspace(0, top, MELS + 2) / 2595.0) - 1.0)
    widths = corners[1:] - corners[:-1]
    slopes = corners[None] - heard[:, None]
    falling, rising = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    return torch.minimum(falling, rising).clamp(min=0)
