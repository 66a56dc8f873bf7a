"""Piper's voices in a folder: `<id>.onnx` and `<id>.onnx.json`, with `<id>.onnx.sha256` at best."""

import hashlib
import json
import math
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthesis_worker.contract import Model, ModelDamaged, ModelMissing, Unsupported
from synthesis_worker.languages import canonical_tag

OWN_PHONEMES = ("espeak", "text")  # Piper fetches other packages or models for the rest
RATES = range(8_000, 48_001)
SCALES = ("noise_scale", "length_scale", "noise_w")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class VoiceFiles:
    """A voice whose network has been compared with its digest."""

    id: str
    onnx: Path
    config: Mapping[str, Any]
    digest: str


class PiperModels:
    """Lists and opens voices, each compared with the digest that lies beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._computed: dict[tuple[Path, int, int], str] = {}
        self._computing = threading.Lock()

    def list(self) -> tuple[Model, ...]:
        """Every voice that can be read, by its declared digest; what cannot speak is left out."""
        return tuple(self._readable())

    def open(self, model: str) -> VoiceFiles:
        """The files of a voice, its network hashed once per state of the file."""
        onnx = self._path(model)
        digest = self._compute(onnx)
        declared = self._declared(onnx)
        if declared and declared != digest:
            raise ModelDamaged(
                f"{onnx.name} has sha256 {digest}, not {declared}; install the voice again."
            )
        return VoiceFiles(model, onnx, _read_config(onnx), digest)

    def _path(self, model: str) -> Path:
        onnx = self._folder / f"{model}.onnx"
        if not _ID.fullmatch(model) or not onnx.is_file():
            raise ModelMissing(f"Piper has no voice {model!r}; install it in the models folder.")
        return onnx

    def _readable(self) -> Iterator[Model]:
        for onnx in sorted(self._folder.glob("*.onnx")):
            try:
                yield _describe(onnx, self._declared(onnx) or self._compute(onnx))
            except (ModelDamaged, Unsupported):
                continue

    def _declared(self, onnx: Path) -> str | None:
        """As `sha256sum` writes it: the digest first, a file name behind it or not."""
        beside = onnx.with_name(onnx.name + ".sha256")
        words = beside.read_text().split() if beside.is_file() else []
        return words[0].lower() if words else None

    def _compute(self, onnx: Path) -> str:
        state = onnx.stat()
        key = (onnx, state.st_mtime_ns, state.st_size)
        with self._computing:
            if key not in self._computed:
                with onnx.open("rb") as file:
                    self._computed[key] = hashlib.file_digest(file, "sha256").hexdigest()
            return self._computed[key]


def language_of(config: Mapping[str, Any]) -> str:
    declared = config.get("language", {}).get("code")
    return canonical_tag(declared or config["espeak"]["voice"])


def _describe(onnx: Path, digest: str) -> Model:
    config = _read_config(onnx)
    return Model(
        id=onnx.stem,
        digest=digest,
        language=language_of(config),
        sample_rate=config["audio"]["sample_rate"],
        speakers=config["num_speakers"],
    )


def _read_config(onnx: Path) -> Mapping[str, Any]:
    file = onnx.with_name(onnx.name + ".json")
    try:
        config = read_config(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelDamaged(f"{file.name} is missing or no voice's settings: {error!r}") from error
    if needs_other_software(config):
        raise Unsupported(f"{onnx.name} needs phonemes from software that is not installed here.")
    return config


def read_config(told: str | bytes) -> Mapping[str, Any]:
    """Raises ValueError where this is no voice's settings."""
    try:
        config: dict[str, Any] = json.loads(told)
        sound = (
            config["audio"]["sample_rate"] in RATES
            and min(config["num_speakers"], config["num_symbols"]) > 0
            and all(math.isfinite(config.get("inference", {}).get(name, 0)) for name in SCALES)
            and bool(language_of(config) and config["phoneme_id_map"].keys())
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(repr(error)) from error
    if not sound:
        raise ValueError("its numbers are out of range")
    return config


def needs_other_software(config: Mapping[str, Any]) -> bool:
    return config.get("phoneme_type", "espeak") not in OWN_PHONEMES
