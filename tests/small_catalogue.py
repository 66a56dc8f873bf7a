"""Catalogues of small models for tests, put in the place of the real one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voices import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CONFIG = json.dumps(
    {
        "audio": {"sample_rate": 22050},
        "espeak": {"voice": "en-us"},
        "num_speakers": 1,
        "num_symbols": 256,
        "phoneme_id_map": {"_": [0]},
    }
).encode()


@dataclass(frozen=True)
class SmallModel:
    """A model's two files as their publisher has them."""

    slug: str
    onnx: bytes
    config: bytes = CONFIG

    @property
    def id(self) -> str:
        return f"en_US-{self.slug}-medium"

    @property
    def path(self) -> str:
        return f"en/en_US/{self.slug}/medium/{self.id}.onnx"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.onnx).hexdigest()

    @property
    def files(self) -> dict[str, bytes]:
        return {self.path: self.onnx, f"{self.path}.json": self.config}

    def entry(self) -> dict[str, Any]:
        described = [
            {"path": path, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
            for path, body in self.files.items()
        ]
        model = {"id": self.id, "home": "https://example.org", "address": "https://example.org/f"}
        files = {"sample_rate": 22050, "onnx": described[0], "config": described[1]}
        binding = {"engine": "piper", "model": self.id}
        return voice_entry(self.slug, bindings=[binding], model=model | files)


def voice_entry(slug: str, **changes: Any) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": slug.title(),
        "language": "en-US",
        "gender": "female",
        "description": "",
        "licence": "CC0",
        "commercial": True,
        "bindings": [{"engine": "espeak", "model": "en-us"}],
    } | changes


def use_catalogue(patch: pytest.MonkeyPatch, folder: Path, entries: list[dict[str, Any]]) -> None:
    """From here on the stock voices are these; `patch` brings the real ones back."""
    file = folder / "stock.json"
    file.write_text(json.dumps({"voices": entries}), encoding="utf-8")
    patch.setattr(catalogue, "STOCK", file)
