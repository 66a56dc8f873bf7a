"""A cloned voice of XTTS: what the model heard in the samples, and the file that keeps it."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from gpu_worker.engines import cloned_voice
from gpu_worker.engines.cloned_voice import damaged, facts_of, header_of, pick, read
from synthesis_worker.contract import SpeechError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from synthesis_worker.contract import Waveform

ENGINE = "xtts_v2"
SECONDS = (6.0, 30.0)  # of samples in all
SHORTEST = 0.33  # seconds: below, the model hears nothing
PLACES, TIMBRE = 32, 512  # of what is heard: the same in all models of this kind
LATENTS, SPEAKER = "latents", "speaker"
TRAINED, WEIGHTS = "trained", "gpt."  # the fact that a voice has weights of its own; their names


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


@dataclass(frozen=True, slots=True)
class Trained:
    """Weights of a voice's own, by the model's names for them, and how they came about."""

    weights: Mapping[str, Tensor]
    facts: Mapping[str, Any]


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


def pack(
    speaker: Speaker,
    digest: str,
    samples: Sequence[Waveform],
    hearing: Hearing,
    trained: Trained | None = None,
) -> bytes:
    tensors, facts = {LATENTS: speaker.latents, SPEAKER: speaker.embedding}, {}
    if trained:
        tensors |= trained.weights
        facts = {TRAINED: {**trained.facts, "sha256": _sha256(tensors)}}
    return cloned_voice.pack(tensors, ENGINE, digest, samples, hearing=astuple(hearing), **facts)


def name_of(data: bytes) -> str:
    """Of a trained voice: by its header, which names the hash of the rest, and that is large."""
    return hashlib.sha256(header_of(data)).hexdigest()


def is_trained(data: bytes) -> bool:
    """By what it says of itself."""
    try:
        return TRAINED in facts_of(data)
    except (KeyError, ValueError, TypeError):
        return False


@torch.inference_mode()
def likeness_of(model: Any, speaker: Speaker, said: Waveform) -> float:
    """How close the model's own encoder finds what was said to what it heard: 0 to 1."""
    heard = model.get_speaker_embedding(torch.from_numpy(said.samples)[None], said.sample_rate)
    close = functional.cosine_similarity(heard[0, :, 0].cpu(), speaker.embedding[:, 0].cpu(), dim=0)
    return max(0.0, min(1.0, float(close)))


def unpack(data: bytes, digest: str, width: int) -> Speaker:
    return _speaker(read(data, ENGINE, digest), width)


def unpack_trained(data: bytes, digest: str, width: int) -> tuple[Speaker, dict[str, Tensor]]:
    """Also its weights: not one bit of them may be another."""
    tensors = read(data, ENGINE, digest)
    speaker = _speaker(tensors, width)
    try:
        known = facts_of(data)[TRAINED]["sha256"] == _sha256(tensors)
    except (KeyError, TypeError) as error:
        raise damaged() from error
    if not known:
        raise damaged()
    return speaker, {name: one for name, one in tensors.items() if name.startswith(WEIGHTS)}


def _speaker(tensors: Mapping[str, Tensor], width: int) -> Speaker:
    return Speaker(*pick(tensors, {LATENTS: (PLACES, width), SPEAKER: (TIMBRE, 1)}))


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(tensors[name].cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
