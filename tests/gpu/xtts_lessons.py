"""What XTTS is taught from in tests: a small base that can be trained, and a few spoken clips."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import soundfile
import torch

from gpu_worker.engines.xtts.stock import FILES
from gpu_worker.training.telling import Task, Teller
from synthesis_worker.audio import resample
from tests.sound_files import speech

if TYPE_CHECKING:
    from pathlib import Path

    from synthesis_worker.contract import Waveform

TEXTS = ("hello there", "good morning", "this is a test", "see you soon", "come in")
CODE_BOOK = {
    "channels": 80, "normalization": None, "positional_dims": 1, "num_tokens": 1024,
    "codebook_dim": 512, "hidden_dim": 512, "num_resnet_blocks": 3, "kernel_size": 3,
    "num_layers": 2, "use_transposed_convs": False,
}  # fmt: skip


def make_trainable(folder: Path, source: Path) -> Path:
    """The model, and what only training needs: of random weights, as large as published."""
    from TTS.tts.layers.xtts.dvae import DiscreteVAE

    folder.mkdir()
    for name in FILES:
        (folder / name).hardlink_to(source / name)
    torch.manual_seed(3)
    torch.save(DiscreteVAE(**CODE_BOOK).state_dict(), folder / "dvae.pth")
    torch.save(torch.ones(80), folder / "mel_stats.pth")
    return folder


def save_clips(folder: Path, clips: list[tuple[str, Waveform]]) -> Path:
    (folder / "wavs").mkdir(parents=True)
    lines = []
    for number, (text, sound) in enumerate(clips):
        name = f"{number:05}.wav"
        soundfile.write(folder / "wavs" / name, sound.samples, sound.sample_rate, subtype="PCM_16")
        lines.append(f"{name}|{text}\n")
    (folder / "metadata.csv").write_text("".join(lines))
    sources = {line[:9]: ("take.wav", number, number + 1) for number, line in enumerate(lines)}
    (folder / "sources.json").write_text(json.dumps(sources))
    (folder / "report.json").write_text(json.dumps({"digest": "5" * 64}))
    return folder


def spoken(text: str) -> Waveform:
    return resample(speech(text=text), 22_050)


def task(base: Path, data: Path, work: Path, **changes: Any) -> Task:
    work.mkdir(exist_ok=True)
    asked: dict[str, Any] = {
        "data": data, "work": work, "base": base, "language": "en-GB", "steps": 4, "batch": 2,
        "device": "cpu", "seed": 1, "checkpoint_seconds": 600.0, "resume": None,
        "network": {"vocoder": 32},
    }  # fmt: skip
    return Task(**asked | changes)


def train(asked: Task) -> list[dict[str, Any]]:
    """In this process; all that was told."""
    from gpu_worker.training.xtts.training import train_voice

    lines = io.StringIO()
    train_voice(asked, Teller(lines))
    return [json.loads(line) for line in lines.getvalue().splitlines()]
