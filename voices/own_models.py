"""An operator's own Piper voice in a folder, described as the catalogue describes its own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from voices.catalogue import ModelFile, StockModel
from voices.model_sources import ModelConfigError, ModelUnknownError, SourceMissingError
from voices.models_folder import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_CONFIG = 1 << 20
SAMPLE_RATES = range(8_000, 48_001)
PHONEMES = ("espeak", "text")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def own_models(folder: Path, names: list[str]) -> list[StockModel]:
    """The named voices of a folder, or every one in it, with the digests their files have now."""
    names = names or sorted(onnx.stem for onnx in folder.glob("*.onnx"))
    if not names:
        raise SourceMissingError(f"{folder} has no .onnx file in it.")
    return [_describe(folder, name) for name in names]


def _describe(folder: Path, name: str) -> StockModel:
    if not _ID.fullmatch(name):
        raise ModelUnknownError(f"{name!r} is no name: use letters, digits, dots and dashes.")
    onnx, config = folder / f"{name}.onnx", folder / f"{name}.onnx.json"
    for path in (onnx, config):
        if not path.is_file() or not path.stat().st_size:
            raise SourceMissingError(f"{path} is missing or empty; a voice is both files.")
    return StockModel(
        id=name,
        home=str(folder),
        address=str(folder),
        sample_rate=_sample_rate(config),
        onnx=_measure(onnx),
        config=_measure(config),
    )


def _measure(path: Path) -> ModelFile:
    return ModelFile(path.name, path.stat().st_size, digest_of(path))


def _sample_rate(path: Path) -> int:
    """Refuse settings that the engine could not speak with."""
    try:
        config = _read_config(path)
        _check_config(config)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelConfigError(f"{path} has no settings of a Piper voice: {error!r}.") from error
    return int(config["audio"]["sample_rate"])


def _read_config(path: Path) -> Mapping[str, Any]:
    if path.stat().st_size > MAX_CONFIG:
        raise ValueError(f"more than {MAX_CONFIG} bytes")
    config: Mapping[str, Any] = json.loads(path.read_bytes())
    return config


def _check_config(config: Mapping[str, Any]) -> None:
    if config["audio"]["sample_rate"] not in SAMPLE_RATES:
        raise ValueError(f"sample_rate {config['audio']['sample_rate']!r}")
    if config["num_speakers"] < 1 or config["num_symbols"] < 1 or not config["phoneme_id_map"]:
        raise ValueError("no speakers, symbols or phonemes")
    if config.get("phoneme_type", "espeak") not in PHONEMES:
        raise ValueError(f"phoneme_type {config['phoneme_type']!r} needs software that is not here")
    if not isinstance(config["espeak"]["voice"], str):
        raise TypeError(f"espeak.voice {config['espeak']['voice']!r}")
