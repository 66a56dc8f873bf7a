"""A cloned voice of XTTS: what the model heard in the samples, and the file that keeps it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch.nn import functional

from synthesis_worker.contract import SpeechError, Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from synthesis_worker.contract import Waveform

SHORTEST = 0.33  # seconds: below, the model hears nothing
SILENT = 1e-3  # peak: about -60 dBFS
PLACES, TIMBRE = 32, 512  # of what is heard: the same in all models of this kind
FACTS = "voicemill"
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
    if not samples:
        raise SpeechError("Cloning needs a sample.", code="sample_missing")
    for sample in samples:
        if sample.seconds < SHORTEST:
            raise SpeechError(
                f"A sample of {sample.seconds:.2f} s is too short: {SHORTEST} s at least.",
                code="sample_too_short",
            )
        if not torch.from_numpy(sample.samples).isfinite().all():
            raise SpeechError("A sample holds what is no number.", code="sample_damaged")
        if float(abs(sample.samples).max()) < SILENT:
            raise SpeechError("A sample is silent.", code="sample_silent")


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
    """The artifact's bytes: the same samples give the same."""
    facts = {
        "engine": "xtts",
        "model": digest,
        "samples": [hashlib.sha256(one.samples.tobytes()).hexdigest() for one in samples],
        "hearing": [getattr(hearing, name) for name in Hearing.__slots__],
    }
    tensors = {LATENTS: speaker.latents, SPEAKER: speaker.embedding}
    return save(
        {name: tensor.cpu().contiguous() for name, tensor in tensors.items()},
        metadata={FACTS: json.dumps(facts, sort_keys=True)},
    )


@torch.inference_mode()
def likeness_of(model: Any, speaker: Speaker, said: Waveform) -> float:
    """How close the model's own encoder finds what was said to what it heard: 0 to 1."""
    heard = model.get_speaker_embedding(torch.from_numpy(said.samples)[None], said.sample_rate)
    close = functional.cosine_similarity(heard[0, :, 0].cpu(), speaker.embedding[:, 0].cpu(), dim=0)
    return max(0.0, min(1.0, float(close)))


def unpack(data: bytes, digest: str, width: int) -> Speaker:
    """Refuses what another model has heard: it would be another speaker's voice."""
    try:
        tensors, facts = load(data), _facts(data)
        told = facts["engine"], facts["model"]
        speaker = Speaker(tensors[LATENTS], tensors[SPEAKER])
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise _damaged() from error
    if told != ("xtts", digest):
        raise Unsupported(
            "The voice was cloned with another model; clone it again.", code="artifact_outdated"
        )
    if not (_is_whole(speaker.latents, PLACES, width) and _is_whole(speaker.embedding, TIMBRE, 1)):
        raise _damaged()
    return speaker


def _is_whole(tensor: Tensor, *shape: int) -> bool:
    return tensor.shape == shape and tensor.dtype == torch.float32 and bool(tensor.isfinite().all())


def _damaged() -> SpeechError:
    return SpeechError("The voice's file is damaged; clone it again.", code="artifact_damaged")


def _facts(data: bytes) -> dict[str, Any]:
    size = int.from_bytes(data[:8], "little")
    facts: dict[str, Any] = json.loads(json.loads(data[8 : 8 + size])["__metadata__"][FACTS])
    return facts
