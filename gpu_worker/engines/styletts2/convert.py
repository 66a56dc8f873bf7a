"""Turns a published StyleTTS2 checkpoint into a model folder, once; no pickle's code is run."""

from __future__ import annotations

import argparse
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml
from safetensors import SafetensorError

from gpu_worker.engines.file_hash import sha256_of
from gpu_worker.engines.in_short import in_short
from gpu_worker.engines.styletts2.model_files import write_model
from gpu_worker.engines.styletts2.stock import build
from synthesis_worker.contract import ModelDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn

HEARD = {"n_fft": 2048, "win_length": 1200, "hop_length": 300}
READER = "Utils/PLBERT/config.yml"
RATE, SYMBOLS, MELS = 24_000, 178, 80
TWICE = "unet."  # the network of the diffusion, which is `diffusion.net` too
UNSAVED = "embeddings.position_ids"  # written by old versions of the text reader, kept by none


class RefusedError(Exception):
    """The files are not what can be converted; the message says why."""


class _Inert:
    """Stands where a pickle names code: it takes any arguments and does nothing."""

    def __new__(cls, *_: object) -> _Inert:
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None:
        """What was to be set is left behind."""


def convert(source: Path, target: Path, *, unknown: bool = False) -> Path:
    """The folder that the engine loads, of `config.yml` and the one checkpoint beside it."""
    checkpoint, settings, reader = _only_checkpoint(source), source / "config.yml", _reader(source)
    used = {"checkpoint": checkpoint, "settings": settings, "reader": reader}
    hashes = {name: _known(path, unknown) for name, path in used.items()}
    model, bert = _model(settings), _yaml(reader)["model_params"]
    weights = _pick(_read_checkpoint(checkpoint), model, bert)
    config = {"source": hashes, "model": model, "bert": bert}
    return write_model(target, config, weights)


def _only_checkpoint(source: Path) -> Path:
    found = sorted(source.glob("*.pth"))
    if len(found) != 1:
        raise RefusedError(f"{source} holds {len(found)} checkpoints (*.pth); one is needed.")
    return found[0]


def _reader(source: Path) -> Path:
    """The text reader's settings, which lie in the package too, as they are published."""
    own = source / READER
    return own if own.is_file() else Path(str(files("styletts2"))) / READER


def _known(path: Path, unknown: bool) -> str:
    """Its hash, where it is of a file that is published, or may be of any."""
    if not path.is_file():
        raise RefusedError(f"{path} is missing.")
    found = sha256_of(path)
    published = files(__package__).joinpath("published.json").read_text(encoding="utf-8")
    if found not in json.loads(published) and not unknown:
        raise RefusedError(
            f"{path} has sha256 {found}, which is of no published file: it is damaged, of another"
            " revision, or your own (then say --any)."
        )
    return found


def _yaml(path: Path) -> dict[str, Any]:
    try:
        read = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        raise RefusedError(f"{path} is no YAML: {error}") from error
    if not isinstance(read, dict) or "model_params" not in read:
        raise RefusedError(f"{path} has no model_params.")
    return read


def _model(path: Path) -> dict[str, Any]:
    """The networks' sizes, where they are of a model that clones and hears as this engine does."""
    read = _yaml(path)
    model: dict[str, Any] = read["model_params"]
    heard = read.get("preprocess_params", {})
    asked = {
        "sr": (heard.get("sr"), RATE),
        "spect_params": (heard.get("spect_params"), HEARD),
        "n_token": (model.get("n_token"), SYMBOLS),
        "n_mels": (model.get("n_mels"), MELS),
        "multispeaker": (model.get("multispeaker"), True),
    }
    for name, (found, wanted) in asked.items():
        if found != wanted:
            raise RefusedError(f"{path} has {name} = {found}; the engine speaks with {wanted}.")
    return model


def _read_checkpoint(path: Path) -> Mapping[str, Mapping[str, Tensor]]:
    """Its tensors, read by torch's own restricted reader.

    The published one names code too (of its training's schedule), which that reader refuses:
    whatever is named is taken for something inert.
    """
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
        with torch.serialization.safe_globals([(_Inert, name) for name in named]):
            read: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return {name: _tensors(saved) for name, saved in read["net"].items()}
    except Exception as error:  # torch names no base of what a broken or hostile file raises
        raise RefusedError(f"{path} is no checkpoint: {in_short(error)}") from error


def _tensors(saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the prefix of training on several cards."""
    return {key.removeprefix("module."): one.contiguous() for key, one in saved.items()}


def _pick(
    saved: Mapping[str, Mapping[str, Tensor]], model: Mapping[str, Any], bert: Mapping[str, Any]
) -> dict[str, Tensor]:
    """The weights of the networks that speak: all of them, and no other."""
    weights: dict[str, Tensor] = {}
    for name, network in _build(model, bert).items():
        found = dict(_once(saved.get(name, {})))
        _compare(name, network.state_dict(), found)
        weights |= {f"{name}.{key}": one.clone() for key, one in found.items()}
    return weights


def _build(model: Mapping[str, Any], bert: Mapping[str, Any]) -> Mapping[str, nn.Module]:
    try:
        return build(model, bert)
    except Exception as error:  # whatever the networks make of sizes that are none
        raise RefusedError(f"The settings describe no model: {in_short(error)}") from error


def _once(saved: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """What is there twice only once."""
    for key, tensor in saved.items():
        if key != UNSAVED and not key.startswith(TWICE):
            yield key.removeprefix("diffusion."), tensor


def _compare(name: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    for key in sorted(wanted.keys() | found.keys()):
        if key not in found:
            raise RefusedError(f"The checkpoint lacks {name}.{key}.")
        if key not in wanted:
            raise RefusedError(f"The checkpoint has {name}.{key}, which its config does not.")
        if wanted[key].shape != found[key].shape:
            raise RefusedError(
                f"The checkpoint's {name}.{key} is {tuple(found[key].shape)}, and by its config"
                f" {tuple(wanted[key].shape)}."
            )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m gpu_worker.engines.styletts2.convert")
    parser.add_argument("source", type=Path, help="holds config.yml and one *.pth, as published")
    parser.add_argument("target", type=Path, help="the folder to write")
    parser.add_argument(
        "--any", action="store_true", help="files of your own, unknown to the table"
    )
    asked = parser.parse_args()
    try:
        written = convert(asked.source, asked.target, unknown=asked.any)
    except (RefusedError, ModelDamaged, SafetensorError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{written.parent}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
