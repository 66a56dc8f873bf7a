"""A cloned voice of StyleTTS2: the mean style of its samples, and the file that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gpu_worker.engines import cloned_voice
from gpu_worker.engines.styletts2.hearing import RATE, mel_picture, trimmed
from gpu_worker.engines.styletts2.speaking import TIMBRE
from synthesis_worker.audio import resample
from synthesis_worker.contract import SpeechError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from gpu_worker.engines.styletts2.speaking import Speaking
    from synthesis_worker.contract import Progress, Waveform

ENGINE = "styletts2"
SECONDS = (3.0, 30.0)  # of samples in all
SHORTEST = 1.0  # seconds of one sample: below, the encoders have nothing left to halve
STYLE = "style"


def check_samples(samples: Sequence[Waveform]) -> None:
    cloned_voice.check_audible(samples)
    seconds = sum(sample.seconds for sample in samples)
    if seconds > SECONDS[1]:
        raise SpeechError(
            f"StyleTTS2 clones from {SECONDS[1]:g} s at most, these are {seconds:.1f}.",
            code="sample_too_long",
        )


def hear(speaking: Speaking, samples: Sequence[Waveform], progress: Progress) -> Tensor:
    """[1, 256] of all samples."""
    sounds = [trimmed(resample(sample, RATE).samples) for sample in samples]
    _check_speech(sounds)
    styles = []
    for index, sound in enumerate(sounds):
        progress(index / len(sounds))
        styles.append(speaking.style_of(mel_picture(sound)))
    return torch.cat(styles).mean(dim=0, keepdim=True).float().cpu()


def pack(style: Tensor, digest: str, samples: Sequence[Waveform]) -> bytes:
    return cloned_voice.pack({STYLE: style}, ENGINE, digest, samples)


def unpack(data: bytes, digest: str) -> Tensor:
    [style] = cloned_voice.unpack(data, ENGINE, digest, {STYLE: (1, 2 * TIMBRE)})
    return style


def _check_speech(sounds: Sequence[npt.NDArray[np.float32]]) -> None:
    """Without their silent ends."""
    seconds = [len(sound) / RATE for sound in sounds]
    if min(seconds) < SHORTEST or sum(seconds) < SECONDS[0]:
        heard = ", ".join(f"{one:.1f}" for one in seconds)
        raise SpeechError(
            f"StyleTTS2 clones from samples of {SHORTEST:g} s at least, and {SECONDS[0]:g} s in"
            f" all, without silence at their ends; these are {heard}.",
            code="sample_too_short",
        )
