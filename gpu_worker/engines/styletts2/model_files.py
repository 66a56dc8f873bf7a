"""A converted model's folder: `config.json` says what it is, `model.safetensors` its weights."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file, save_file

from gpu_worker.engines.file_hash import is_there, sha256_of
from gpu_worker.engines.in_short import in_short
from gpu_worker.engines.styletts2.stock import build, settle
from synthesis_worker.contract import ModelDamaged, ModelMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import Tensor, nn

CONFIG, WEIGHTS = "config.json", "model.safetensors"
SUMS = "SHA256SUMS"  # of both, for `manage.py models` and `sha256sum --check`
READABLE = 0o644  # by workers of any user; the library writes for its own alone
LAYOUT = 1  # of the folder; rises when what is kept there changes


@dataclass(frozen=True, slots=True)
class Config:
    """What the networks look like, and which weights belong to them."""

    layout: int
    weights: str  # sha256
    source: Mapping[str, str]  # sha256 of what it was converted from
    model: Mapping[str, Any]
    bert: Mapping[str, Any]


def write_model(folder: Path, config: Mapping[str, Any], weights: dict[str, Tensor]) -> Path:
    """All is written beside before any of it takes the place of what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".converting-") as made:
        new = Path(made)
        _write(new, config, weights)
        for name in (WEIGHTS, CONFIG, SUMS):
            (new / name).replace(folder / name)
    return folder / CONFIG


def _write(new: Path, config: Mapping[str, Any], weights: dict[str, Tensor]) -> None:
    save_file(weights, new / WEIGHTS)
    (new / WEIGHTS).chmod(READABLE)
    whole = asdict(Config(LAYOUT, sha256_of(new / WEIGHTS), **config))
    (new / CONFIG).write_text(json.dumps(whole, indent=2, sort_keys=True), encoding="utf-8")
    sums = [f"{sha256_of(new / name)}  {name}\n" for name in (CONFIG, WEIGHTS)]
    (new / SUMS).write_text("".join(sums), encoding="utf-8")


def read_config(folder: Path) -> Config:
    path = folder / CONFIG
    if not is_there(path):
        raise _missing(folder)
    try:
        config = Config(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ModelDamaged(f"{path.name} is no StyleTTS2 model's: {error!r}") from error
    if config.layout != LAYOUT:
        raise ModelDamaged(
            f"{folder.name} has layout {config.layout!r}, not {LAYOUT}; convert the model again.",
            code="model_outdated",
        )
    return config


def digest_of(folder: Path) -> str:
    """It names the weights by their hash, so the settings' own hash is that of the whole."""
    _check_weights(folder, read_config(folder))
    return sha256_of(folder / CONFIG)


def load_networks(folder: Path, device: torch.device) -> dict[str, nn.Module]:
    """The networks of a folder, ready to speak. Nothing in it is ever unpickled."""
    config = read_config(folder)
    _check_weights(folder, config)
    try:
        networks = build(config.model, config.bert)
        _assign(networks, load_file(folder / WEIGHTS))
    except Exception as error:  # safetensors, torch and transformers have no base in common
        raise ModelDamaged(f"{folder.name} is no StyleTTS2 model: {in_short(error)}") from error
    for network in networks.values():
        settle(network, device)
    return networks


def _missing(folder: Path) -> ModelMissing | ModelDamaged:
    if is_there(folder / WEIGHTS):
        return ModelDamaged(f"{folder.name} lacks {CONFIG}; convert the model again.")
    return ModelMissing(f"There is no StyleTTS2 model in {folder.name}; see docs/models.md.")


def _check_weights(folder: Path, config: Config) -> None:
    path = folder / WEIGHTS
    if not is_there(path):
        raise ModelDamaged(f"{folder.name} lacks {WEIGHTS}; convert the model again.")
    found = sha256_of(path)
    if found != config.weights:
        raise ModelDamaged(
            f"{WEIGHTS} has sha256 {found}, not {config.weights}; convert the model again."
        )


def _assign(networks: Mapping[str, nn.Module], weights: Mapping[str, Tensor]) -> None:
    """Each to its network; one too many or too few is refused.

    Copied, for in the mapped file they lie anyhow, and sums of what is not aligned differ.
    """
    parts: dict[str, dict[str, Tensor]] = {name: {} for name in networks}
    for key, tensor in weights.items():
        name, _, rest = key.partition(".")
        parts[name][rest] = tensor.clone()
    for name, network in networks.items():
        network.load_state_dict(parts[name], assign=True)
