"""StyleTTS2 as its package speaks: the same steps with the package's parts and the global chance.

`styletts2.tts` itself cannot be imported: it fetches files, seeds every generator and prints texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import one_hot

from gpu_worker.engines.torchaudio_extension import stand_in_for_torchaudio_extension

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from synthesis_worker.contract import Waveform


@torch.no_grad()
def stock_style(stock: Any, sample: Waveform) -> Tensor:
    stand_in_for_torchaudio_extension()
    import librosa
    import torchaudio

    to_mel = torchaudio.transforms.MelSpectrogram(
        n_mels=80, n_fft=2048, win_length=1200, hop_length=300
    )
    sound, _ = librosa.effects.trim(sample.samples, top_db=30)
    mel = (torch.log(1e-5 + to_mel(torch.from_numpy(sound).float())[None]) + 4) / 4
    heard = mel.unsqueeze(1)
    return torch.cat([stock.style_encoder(heard), stock.predictor_encoder(heard)], dim=1)


def stock_speech(
    stock: Any,
    pieces: Sequence[Sequence[int]],
    voice: Tensor,
    dials: Mapping[str, float],
    seed: int,
) -> list[Any]:
    """All pieces one after the other, from a global generator that is put back."""
    spoken, before = [], None
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for piece in pieces:
            sound, before = _speak(stock, torch.tensor([piece]), voice, dials, before)
            spoken.append(sound)
    return spoken


def _sampler(stock: Any) -> Any:
    from styletts2.Modules.diffusion.sampler import ADPM2Sampler, DiffusionSampler, KarrasSchedule

    return DiffusionSampler(
        stock.diffusion.diffusion,
        sampler=ADPM2Sampler(),
        sigma_schedule=KarrasSchedule(sigma_min=0.0001, sigma_max=3.0, rho=9.0),
        clamp=False,
    )


@torch.no_grad()
def _speak(
    stock: Any, tokens: Tensor, voice: Tensor, dials: Mapping[str, float], before: Tensor | None
) -> tuple[Any, Tensor]:
    lengths = torch.tensor([tokens.shape[-1]])
    mask = torch.arange(tokens.shape[-1])[None] + 1 > lengths[:, None]
    sounds = stock.text_encoder(tokens, lengths, mask)
    meaning = stock.bert(tokens, attention_mask=(~mask).int())
    encoded = stock.bert_encoder(meaning).transpose(-1, -2)
    style = _sampler(stock)(
        noise=torch.randn((1, 256)).unsqueeze(1),
        embedding=meaning,
        embedding_scale=dials["embedding_scale"],
        features=voice,
        num_steps=round(dials["diffusion_steps"]),
    ).squeeze(1)
    if before is not None:
        style = dials["carry_over"] * before + (1 - dials["carry_over"]) * style
    timbre = dials["alpha"] * style[:, :128] + (1 - dials["alpha"]) * voice[:, :128]
    prosody = dials["beta"] * style[:, 128:] + (1 - dials["beta"]) * voice[:, 128:]
    felt = stock.predictor.text_encoder(encoded, prosody, lengths, mask)
    followed, _ = stock.predictor.lstm(felt)
    lasting = torch.sigmoid(stock.predictor.duration_proj(followed)).sum(dim=-1)
    aligned = _alignment(torch.round(lasting.squeeze(0)).clamp(min=1).long())
    late = "hifigan" in type(stock.decoder).__module__
    pitch, energy = stock.predictor.F0Ntrain(_late(felt.transpose(-1, -2) @ aligned, late), prosody)
    sound = stock.decoder(_late(sounds @ aligned, late), pitch, energy, timbre)
    return sound.squeeze().numpy()[:-50], torch.cat([timbre, prosody], dim=-1)


def _alignment(frames: Tensor) -> Tensor:
    """[sounds, frames], a one where a sound lasts: it is multiplied by, not repeated by."""
    which = np.repeat(np.arange(len(frames)), frames.numpy())
    return one_hot(torch.from_numpy(which), len(frames)).T.float()[None]


def _late(sounds: Tensor, late: bool) -> Tensor:
    if not late:
        return sounds
    moved = torch.zeros_like(sounds)
    moved[:, :, 0] = sounds[:, :, 0]
    moved[:, :, 1:] = sounds[:, :, 0:-1]
    return moved
