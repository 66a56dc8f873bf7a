"""One piece of a text spoken: style drawn, durations, pitch and energy, sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

TIMBRE = 128  # of a style's 256 numbers: these, then prosody
TAIL = 50  # samples: the published model ends on a click
NOISE = (0.0001, 3.0, 9.0)  # sigma_min, sigma_max and rho, as the makers found them


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is to sound: the dials."""

    alpha: float
    beta: float
    diffusion_steps: float  # of which there are whole ones only
    embedding_scale: float
    speed: float
    carry_over: float


@dataclass(frozen=True, slots=True)
class Spoken:
    samples: npt.NDArray[np.float32]
    style: Tensor  # what the next piece carries on from


@dataclass(frozen=True, slots=True)
class _Read:
    """A piece of text as the networks read it."""

    lengths: Tensor
    mask: Tensor
    sounds: Tensor
    meaning: Tensor


class Speaking:
    """The networks of a model, asked in the order that speech takes."""

    def __init__(self, networks: Mapping[str, Any], *, shifted: bool) -> None:
        from styletts2.Modules.diffusion.sampler import (
            ADPM2Sampler,
            DiffusionSampler,
            KarrasSchedule,
        )

        self._networks = networks
        self._shifted = shifted
        self._sampler = DiffusionSampler(
            networks["diffusion"],
            sampler=ADPM2Sampler(),
            sigma_schedule=KarrasSchedule(*NOISE),
            clamp=False,
        )

    @torch.inference_mode()
    def style_of(self, mel: Tensor) -> Tensor:
        """[1, 256]: the timbre and the prosody of a sample."""
        heard = mel.to(self._device).unsqueeze(1)
        names = ("style_encoder", "predictor_encoder")
        return torch.cat([self._networks[name](heard) for name in names], dim=1)

    @torch.inference_mode()
    def speak(
        self, tokens: Sequence[int], voice: Tensor, manner: Manner, before: Tensor | None
    ) -> Spoken:
        read = self._read(torch.tensor([tokens], device=self._device))
        drawn = self._draw(read, voice, manner)
        if before is not None:
            drawn = manner.carry_over * before + (1 - manner.carry_over) * drawn
        style = _mix(drawn, voice, manner)
        sound = self._sound(read, style, manner.speed)
        return Spoken(sound.squeeze().cpu().numpy()[:-TAIL], style)

    @property
    def _device(self) -> torch.device:
        device: torch.device = self._networks["bert_encoder"].weight.device
        return device

    def _read(self, tokens: Tensor) -> _Read:
        """Alone, so nothing is masked: the attention would hear what fills up a batch."""
        lengths = torch.tensor([tokens.shape[-1]], device=self._device)
        mask = torch.zeros_like(tokens, dtype=torch.bool)
        sounds = self._networks["text_encoder"](tokens, lengths, mask)
        meaning = self._networks["bert"](tokens, attention_mask=(~mask).int())
        return _Read(lengths, mask, sounds, meaning)

    def _draw(self, read: _Read, voice: Tensor, manner: Manner) -> Tensor:
        """A style that suits the text, by diffusion."""
        drawn: Tensor = self._sampler(
            noise=torch.randn((1, 2 * TIMBRE)).unsqueeze(1).to(self._device),
            embedding=read.meaning,
            embedding_scale=manner.embedding_scale,
            features=voice,
            num_steps=round(manner.diffusion_steps),
        )
        return drawn.squeeze(1)

    def _sound(self, read: _Read, style: Tensor, speed: float) -> Tensor:
        timbre, prosody = style[:, :TIMBRE], style[:, TIMBRE:]
        predictor = self._networks["predictor"]
        encoded = self._networks["bert_encoder"](read.meaning).transpose(-1, -2)
        felt = predictor.text_encoder(encoded, prosody, read.lengths, read.mask)
        frames = _frames(predictor, felt, speed)
        pitch, energy = predictor.F0Ntrain(self._spread(felt.transpose(-1, -2), frames), prosody)
        spread = self._spread(read.sounds, frames)
        sound: Tensor = self._networks["decoder"](spread, pitch, energy, timbre)
        return sound

    def _spread(self, sounds: Tensor, frames: Tensor) -> Tensor:
        """Each sound for its frames. HiFi-GAN's decoder was trained a frame late."""
        spread = sounds.repeat_interleave(frames, dim=-1)
        if self._shifted:
            spread = torch.cat([spread[..., :1], spread[..., :-1]], dim=-1)
        return spread


def _frames(predictor: Any, felt: Tensor, speed: float) -> Tensor:
    """How many frames each sound lasts."""
    followed, _ = predictor.lstm(felt)
    lasting = torch.sigmoid(predictor.duration_proj(followed)).sum(dim=-1) / speed
    return lasting.round().clamp(min=1).long()[0]


def _mix(drawn: Tensor, voice: Tensor, manner: Manner) -> Tensor:
    """Alpha and beta say how much of the text's own style there is beside the voice's."""
    timbre = manner.alpha * drawn[:, :TIMBRE] + (1 - manner.alpha) * voice[:, :TIMBRE]
    prosody = manner.beta * drawn[:, TIMBRE:] + (1 - manner.beta) * voice[:, TIMBRE:]
    return torch.cat([timbre, prosody], dim=-1)
