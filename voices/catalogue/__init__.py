"""The stock voices as data (stock.json): what they are, and how engines speak them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STOCK = Path(__file__).with_name("stock.json")


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


def stock_voices() -> tuple[StockVoice, ...]:
    entries = json.loads(STOCK.read_text(encoding="utf-8"))["voices"]
    return tuple(_read_voice(entry) for entry in entries)


def stock_models() -> list[tuple[StockVoice, StockModel]]:
    """The voices that need files, each with its model."""
    return [(voice, voice.model) for voice in stock_voices() if voice.model]


def _read_voice(entry: Mapping[str, Any]) -> StockVoice:
    bindings = tuple(StockBinding(**binding) for binding in entry["bindings"])
    model = _read_model(entry["model"]) if "model" in entry else None
    return StockVoice(**{**entry, "bindings": bindings, "model": model})


def _read_model(entry: Mapping[str, Any]) -> StockModel:
    files = {part: ModelFile(**entry[part]) for part in ("onnx", "config")}
    return StockModel(**{**entry, **files})
