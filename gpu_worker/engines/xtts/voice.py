"""A cloned voice of XTTS: what the model heard in the samples, and the file that keeps it."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from gpu_worker.engines import cloned_voice
from synthesis_worker.contract import SpeechError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from synthesis_worker.contract import Waveform

ENGINE = "xtts_v2"
SECONDS = (6.0, 30.0)  # of samples in all
SHORTEST = 0.33  # seconds: below, the model hears nothing
PLACES, TIMBRE = 32, 512  # of what is heard: the same in all models of this kind
LATENTS, SPEAKER = "latents", "speaker"


@dataclass(frozen=True, slots=True)
class Hearing:
    """How samples are listened to: part of what a clone is."""

    reference_seconds: int = 30
    latent_seconds: int = 30
    chunk_seconds: int = 4
    normalise: bool = False


@dataclass(frozen=True, slots=True)
class Speaker:
    latents: Tensor  # [32, width]: what the text is read after
    embedding: Tensor  # [512, 1]: what the vocoder is told


def check_samples(samples: Sequence[Waveform]) -> None:
    for sample in samples:
        if sample.seconds < SHORTEST:
            raise SpeechError(
                f"A sample of {sample.seconds:.2f} s is too short: {SHORTEST} s at least.",
                code="sample_too_short",
            )
    cloned_voice.check_audible(samples)
    seconds = sum(sample.seconds for sample in samples)
    if seconds > SECONDS[1]:
        raise SpeechError(
            f"XTTS clones from {SECONDS[1]:g} s at most, these are {seconds:.1f}.",
            code="sample_too_long",
        )


@torch.inference_mode()
def hear(model: Any, samples: Sequence[Waveform], hearing: Hearing) -> Speaker:
    """As the stock model does with files of these samples."""
    embeddings, heard = [], []
    for sample in samples:
        sound = _sound(model, sample, hearing)
        embeddings.append(model.get_speaker_embedding(sound, RATE))
        heard.append(sound)
    latents = model.get_gpt_cond_latents(
        torch.cat(heard, dim=-1),
        RATE,
        length=hearing.latent_seconds,
        chunk_length=hearing.chunk_seconds,
    )
    return Speaker(latents[0].float(), torch.stack(embeddings).mean(dim=0)[0].float())


RATE = 22_050


def _sound(model: Any, sample: Waveform, hearing: Hearing) -> Tensor:
    from torchaudio.functional import resample

    sound = torch.from_numpy(sample.samples)[None]
    sound = resample(sound, sample.sample_rate, RATE)[:, : RATE * hearing.reference_seconds]
    if hearing.normalise:
        sound = sound / sound.abs().max() * 0.75
    placed: Tensor = sound.to(model.device)
    return placed


def pack(speaker: Speaker, digest: str, samples: Sequence[Waveform], hearing: Hearing) -> bytes:
    tensors = {LATENTS: speaker.latents, SPEAKER: speaker.embedding}
    return cloned_voice.pack(tensors, ENGINE, digest, samples, hearing=astuple(hearing))


@torch.inference_mode()
def likeness_of(model: Any, speaker: Speaker, said: Waveform) -> float:
    """How close the model's own encoder finds what was said to what it heard: 0 to 1."""
    heard = model.get_speaker_embedding(torch.from_numpy(said.samples)[None], said.sample_rate)
    close = functional.cosine_similarity(heard[0, :, 0].cpu(), speaker.embedding[:, 0].cpu(), dim=0)
    return max(0.0, min(1.0, float(close)))


def unpack(data: bytes, digest: str, width: int) -> Speaker:
    shapes = {LATENTS: (PLACES, width), SPEAKER: (TIMBRE, 1)}
    return Speaker(*cloned_voice.unpack(data, ENGINE, digest, shapes))
