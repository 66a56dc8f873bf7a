"""Coqui's XTTS as it is published: imported with care, loaded from a local folder only."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from functools import cache, wraps
from importlib.machinery import ModuleSpec
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gpu_worker.engines.file_hash import sha256_of
from synthesis_worker.contract import ModelDamaged, ModelMissing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

FILES = ("config.json", "model.pth", "vocab.json")


@cache
def coqui() -> Any:
    """The module that holds the model. Nothing it needs may reach for a network or a compiler."""
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    stand_in_for_torchaudio_extension()
    sys.modules.setdefault("torchcodec", _module("torchcodec"))
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
        raise ModelDamaged(f"{folder.name} is no XTTS model: {_short(error)}") from error
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
    missing = [name for name in FILES if not (folder / name).is_file()]
    if len(missing) == len(FILES):
        raise ModelMissing(f"There is no XTTS model in {folder.name}; see docs/models.md.")
    if missing:
        raise ModelDamaged(f"{folder.name} lacks {', '.join(missing)}; install the model again.")


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"


def stand_in_for_torchaudio_extension() -> None:
    """The wheel's compiled part is linked to CUDA and is not needed: mel, resample are Python."""
    extension = _module("torchaudio._extension")
    extension.__path__ = []
    vars(extension).update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        fail_if_no_align=_refuse,
        _check_cuda_version=lambda: None,
        _load_lib=lambda _: False,
    )
    sys.modules.setdefault("torchaudio._extension", extension)


def _refuse(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError("torchaudio's compiled part is not used here")

    return refuse


def _module(name: str) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    return module


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
