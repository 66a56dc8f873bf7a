"""What the batch takes of the stock model: its weights as they are, and its vocoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils import parametrize

from gpu_worker.batching.transformer import Weights
from gpu_worker.batching.vocoder import Decoder

if TYPE_CHECKING:
    from torch import Tensor

    from gpu_worker.batching.batch import Batch
    from gpu_worker.engines.xtts.voice import Speaker
    from gpu_worker.engines.xtts.wording import Wording


@dataclass(frozen=True, slots=True)
class Loaded:
    """The model, its batch, and what is known of it."""

    model: Any
    batch: Batch
    wording: Wording
    digest: str
    published: bool  # only then has its encoder been taught to tell speakers apart

    @property
    def width(self) -> int:
        width: int = self.model.gpt.model_dim
        return width


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks, and by which weights: those that all share, or its own."""

    loaded: Loaded
    speaker: Speaker

    @property
    def broken(self) -> bool:
        return self.loaded.batch.broken

    def close(self) -> None:
        self.loaded.batch.close()


def dtype_for(device: torch.device) -> torch.dtype:
    """What the decoder's weights are brought to: halves are read twice as fast, and are enough."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def looks_for(device: torch.device) -> int:
    """Steps between two looks at what was made: on a card each look waits until it is there."""
    return 4 if device.type == "cuda" else 1


def weights_of(model: Any, dtype: torch.dtype = torch.float32) -> Weights:
    """What decodes is brought to `dtype`; what listens to samples stays as exact as it was."""
    gpt = model.gpt
    for part in (gpt.gpt, gpt.final_norm, gpt.mel_head, gpt.mel_embedding, gpt.mel_pos_embedding):
        part.to(dtype)
    return Weights(
        blocks=list(gpt.gpt.h),
        norms=(gpt.gpt.ln_f, gpt.final_norm),
        head=gpt.mel_head,
        tokens=gpt.mel_embedding,
        positions=gpt.mel_pos_embedding.emb,
        heads=gpt.heads,
        start=gpt.start_audio_token,
        stop=gpt.stop_audio_token,
        longest=gpt.max_gen_mel_tokens,
    )


def decoder_of(model: Any) -> Decoder:
    """With the weight norms worked in: they would be worked out anew at every call."""
    hifigan = model.hifigan_decoder
    for module in hifigan.waveform_decoder.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    resampled = hifigan.output_sample_rate / hifigan.input_sample_rate
    compressed = hifigan.ar_mel_length_compression / hifigan.output_hop_length
    return Decoder(
        generator=hifigan.waveform_decoder,
        scales=(compressed, resampled),
        hop=hifigan.output_hop_length,
    )


@torch.inference_mode()
def prefix_of(model: Any, latents: Tensor, tokens: Tensor) -> Tensor:
    """[length, width]: the voice's latents [32, width], then the text between start and stop."""
    gpt = model.gpt
    framed = [gpt.start_text_token, *tokens.tolist(), gpt.stop_text_token]
    text = torch.tensor(framed, device=model.device)[None]
    read = gpt.text_embedding(text) + gpt.text_pos_embedding(text)
    return torch.cat([latents.to(read), read[0]])
