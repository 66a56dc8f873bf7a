"""The models of the comparison: random weights of the full size, or small ones for a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from gpu_worker.engines.xtts.stock import load_stock
from tests.gpu.xtts_models import narrow_vocoder, save_model

if TYPE_CHECKING:
    from pathlib import Path

NEVER = -1e4  # added to the end's score: a bench says itself how long each utterance is


@dataclass(frozen=True, slots=True)
class Size:
    """How large the model is, and what is asked of it."""

    layers: int
    width: int
    heads: int
    most: int
    counts: tuple[int, ...]  # tokens of the utterances, in turn
    streams: tuple[int, ...]
    narrow: bool = False


FULL = Size(30, 1024, 16, 605, (60, 120, 180, 240, 320, 400), (1, 16, 64, 256))
SMALL = Size(4, 128, 4, 120, (20, 40, 60, 80), (1, 4, 16), narrow=True)


def build(size: Size, folder: Path, device: torch.device) -> Any:
    if size.narrow:
        narrow_vocoder()
    if not (folder / "model.pth").exists():
        sizes = {"layers": size.layers, "width": size.width, "heads": size.heads}
        save_model(folder, most=size.most, **sizes)
    model = load_stock(folder, device)
    with torch.no_grad():
        model.gpt.mel_head.bias[model.gpt.stop_audio_token] += NEVER
    return model
