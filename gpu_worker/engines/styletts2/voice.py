"""A cloned voice of StyleTTS2: the mean style of its samples, and the file that keeps it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from gpu_worker.engines.styletts2.hearing import RATE, mel_picture, trimmed
from gpu_worker.engines.styletts2.speaking import TIMBRE
from synthesis_worker.audio import resample
from synthesis_worker.contract import SpeechError, Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from torch import Tensor

    from gpu_worker.engines.styletts2.speaking import Speaking
    from synthesis_worker.contract import Progress, Waveform

ENGINE = "styletts2"
SECONDS = (3.0, 30.0)  # of samples in all
SHORTEST = 1.0  # seconds of one sample: below, the encoders have nothing left to halve
QUIET = 1e-3  # peak: about -60 dBFS
STYLE, FACTS = "style", "voicemill"


def check_samples(samples: Sequence[Waveform]) -> None:
    if not samples:
        raise SpeechError("Cloning needs a sample.", code="sample_missing")
    for sample in samples:
        if not np.isfinite(sample.samples).all():
            raise SpeechError("A sample holds what is no number.", code="sample_damaged")
        if not sample.samples.size or np.abs(sample.samples).max() < QUIET:
            raise SpeechError("A sample is silent.", code="sample_silent")
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
    """The artifact's bytes: the same samples give the same."""
    facts = {
        "engine": ENGINE,
        "model": digest,
        "samples": [hashlib.sha256(one.samples.tobytes()).hexdigest() for one in samples],
    }
    return save({STYLE: style}, metadata={FACTS: json.dumps(facts, sort_keys=True)})


def unpack(data: bytes, digest: str) -> Tensor:
    """Refuses what another model has heard: it would be another speaker's voice."""
    try:
        style, facts = load(data)[STYLE], _facts(data)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise _damaged() from error
    if facts.get("engine") != ENGINE or facts.get("model") != digest:
        raise Unsupported(
            "The voice was cloned with another model; clone it again.", code="artifact_outdated"
        )
    if style.shape != (1, 2 * TIMBRE) or style.dtype != torch.float32 or not style.isfinite().all():
        raise _damaged()
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


def _facts(data: bytes) -> dict[str, Any]:
    size = int.from_bytes(data[:8], "little")
    facts: dict[str, Any] = json.loads(json.loads(data[8 : 8 + size])["__metadata__"][FACTS])
    return facts


def _damaged() -> SpeechError:
    return SpeechError("The voice's file is damaged; clone it again.", code="artifact_damaged")
