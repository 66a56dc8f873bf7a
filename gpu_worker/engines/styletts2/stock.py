"""StyleTTS2's networks as they are published: imported with care, built without their training."""

from __future__ import annotations

import sys
import warnings
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils import remove_spectral_norm, remove_weight_norm

from gpu_worker.engines.torchaudio_extension import stand_in_for_torchaudio_extension

if TYPE_CHECKING:
    from collections.abc import Mapping

SPEAKING = (  # of all that is published; the rest is for training
    "bert",
    "bert_encoder",
    "decoder",
    "diffusion",
    "predictor",
    "predictor_encoder",
    "style_encoder",
    "text_encoder",
)


@cache
def networks() -> Any:
    """The module that builds them. Its aligner and its pitch are for training: they stay away."""
    stand_in_for_torchaudio_extension()  # transformers imports it where it is installed
    _stand_in("styletts2.Utils.ASR.models", "ASRCNN")
    _stand_in("styletts2.Utils.JDC.model", "JDCNet")
    from styletts2 import models

    return models


def build(model: Mapping[str, Any], bert: Mapping[str, Any]) -> dict[str, nn.Module]:
    """The networks that speak, without any memory yet: all weights are to be assigned."""
    models = networks()
    from munch import munchify
    from styletts2.Utils.PLBERT.util import CustomAlbert
    from transformers import AlbertConfig

    with torch.device("meta"), warnings.catch_warnings(action="ignore"):
        reader = CustomAlbert(AlbertConfig(**bert))
        built = models.build_model(munchify(model), None, None, reader)
    built.diffusion = built.diffusion.diffusion
    return {name: built[name].eval().requires_grad_(False) for name in SPEAKING}


def settle(network: nn.Module, device: torch.device) -> None:
    """After the weights: what is no weight, and norms worked in that every call would work out."""
    for module in network.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.is_meta:
                module.register_buffer(name, _unsaved(name, buffer), persistent=False)
        _work_in_norms(module)
    network.to(device)


def _unsaved(name: str, buffer: torch.Tensor) -> torch.Tensor:
    """The text reader's positions and kinds of token: never in a file, the same for everybody."""
    if name == "position_ids":
        return torch.arange(buffer.shape[-1]).expand(buffer.shape)
    return torch.zeros(buffer.shape, dtype=buffer.dtype)


def _work_in_norms(module: nn.Module) -> None:
    if hasattr(module, "weight_g"):
        remove_weight_norm(module)
    if hasattr(module, "weight_orig"):
        remove_spectral_norm(module)


def _stand_in(name: str, network: str) -> None:
    module = ModuleType(name)
    setattr(module, network, None)
    sys.modules.setdefault(name, module)
