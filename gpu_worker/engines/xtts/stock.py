"""Coqui's XTTS as it is published: imported with care, loaded from a local folder only."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gpu_worker.engines.file_hash import is_there, sha256_of
from gpu_worker.engines.in_short import in_short
from gpu_worker.engines.torchaudio_extension import (
    empty_module,
    stand_in_for_torchaudio_extension,
)
from synthesis_worker.contract import ModelDamaged, ModelMissing

if TYPE_CHECKING:
    from pathlib import Path

    import torch

FILES = ("config.json", "model.pth", "vocab.json")


@cache
def coqui() -> Any:
    """The module that holds the model. Nothing it needs may reach for a network or a compiler."""
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    stand_in_for_torchaudio_extension()
    sys.modules.setdefault("torchcodec", empty_module("torchcodec"))
    from TTS.tts.models import xtts

    logging.getLogger("TTS").setLevel(logging.ERROR)  # its warnings repeat what people have said
    return xtts


def load_stock(folder: Path, device: torch.device) -> Any:
    """The model of the folder, ready to speak."""
    _check_files(folder)
    xtts = coqui()
    try:
        config = xtts.XttsConfig()
        config.load_json(str(folder / "config.json"))
        model = xtts.Xtts(config)
        model._load_checkpoint = read_weights  # noqa: SLF001 - upstream's writes to the folder
        model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True)
    except Exception as error:  # pickle, JSON, tokenizers and torch have no base in common
        raise ModelDamaged(f"{folder.name} is no XTTS model: {in_short(error)}") from error
    model.to(device).eval()
    return model


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Never by a pickle's orders. The published file holds its settings pickled, by old names."""
    import torch

    with coqui()._legacy_safe_globals():  # noqa: SLF001 - it has no other name
        weights: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)[
            "model"
        ]
    return weights


def _check_files(folder: Path) -> None:
    missing = [name for name in FILES if not is_there(folder / name)]
    if len(missing) == len(FILES):
        raise ModelMissing(f"There is no XTTS model in {folder.name}; see docs/models.md.")
    if missing:
        raise ModelDamaged(f"{folder.name} lacks {', '.join(missing)}; install the model again.")


def digest_of(folder: Path) -> str:
    """One hash for all that makes the model what it is."""
    return hashlib.sha256(b"".join(map(bytes.fromhex, hashes_of(folder)))).hexdigest()


def published() -> dict[str, str]:
    """The sha256 of each file, as its makers publish it."""
    table: dict[str, str] = json.loads(files(__package__).joinpath("published.json").read_text())
    return table


def hashes_of(folder: Path) -> tuple[str, ...]:
    """The sha256 of each of FILES."""
    _check_files(folder)
    return tuple(sha256_of(folder / name) for name in FILES)
