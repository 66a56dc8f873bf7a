"""As data: the stock voices (stock.json), and the models of engines that clone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STOCK = Path(__file__).with_name("stock.json")
ENGINE_MODELS = Path(__file__).with_name("engine_models.json")


@dataclass(frozen=True, slots=True)
class StockBinding:
    engine: str
    model: str
    speaker: int | None = None
    substitute: bool = False


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file as its publisher has it; `path` is where it lies below the publisher's address."""

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name


@dataclass(frozen=True, slots=True)
class StockModel:
    """A model that an operator fetches: `<id>.onnx` and its settings, `<id>.onnx.json`.

    `home` is a page for people, `address` is what the files' paths lie under.
    """

    id: str
    home: str
    address: str
    sample_rate: int
    onnx: ModelFile
    config: ModelFile

    @property
    def files(self) -> tuple[ModelFile, ModelFile]:
        return self.onnx, self.config

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class StockVoice:
    """A voice that everybody has; `model` is None where the engine brings its own."""

    slug: str
    name: str
    language: str
    gender: str
    description: str
    licence: str
    commercial: bool
    bindings: tuple[StockBinding, ...]
    settings: Mapping[str, float] = field(default_factory=dict)
    model: StockModel | None = None


@dataclass(frozen=True, slots=True)
class EngineModel:
    """One model for every voice of an engine, in a folder of its own below the models folder.

    `licence` is its name in ACCEPTED_LICENCES, `text` where it can be read, and `then` the command
    that makes what was fetched into what the engine loads, in the folder `made`.
    """

    name: str
    folder: str
    licence: str
    terms: str
    text: str
    home: str
    address: str
    files: tuple[ModelFile, ...]
    then: str = ""
    made: str = ""

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def stock_voices() -> tuple[StockVoice, ...]:
    entries = json.loads(STOCK.read_text(encoding="utf-8"))["voices"]
    return tuple(_read_voice(entry) for entry in entries)


def stock_models() -> list[tuple[StockVoice, StockModel]]:
    """The voices that need files, each with its model."""
    return [(voice, voice.model) for voice in stock_voices() if voice.model]


def engine_models() -> tuple[EngineModel, ...]:
    entries = json.loads(ENGINE_MODELS.read_text(encoding="utf-8"))["models"]
    return tuple(_read_engine_model(entry) for entry in entries)


def _read_engine_model(entry: Mapping[str, Any]) -> EngineModel:
    files = tuple(ModelFile(**file) for file in entry["files"])
    return EngineModel(**{**entry, "files": files})


def _read_voice(entry: Mapping[str, Any]) -> StockVoice:
    bindings = tuple(StockBinding(**binding) for binding in entry["bindings"])
    model = _read_model(entry["model"]) if "model" in entry else None
    return StockVoice(**{**entry, "bindings": bindings, "model": model})


def _read_model(entry: Mapping[str, Any]) -> StockModel:
    files = {part: ModelFile(**entry[part]) for part in ("onnx", "config")}
    return StockModel(**{**entry, **files})
