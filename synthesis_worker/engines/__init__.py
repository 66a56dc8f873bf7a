"""Engines by name; each is imported only where it is named, so no worker pays for another's."""

import importlib
from collections.abc import Iterable
from pathlib import Path

from synthesis_worker.contract import SpeechEngine


def build_engines(names: Iterable[str], *, models_dir: Path) -> dict[str, SpeechEngine]:
    """The engines of these names; `name=package.module:Class` names one from elsewhere.

    Nothing is loaded yet. A class from elsewhere is called without arguments.
    """
    engines: dict[str, SpeechEngine] = {}
    for entry in names:
        name, _, path = entry.partition("=")
        engines[name] = _import_engine(path) if path else _build(name, models_dir)
    return engines


def _build(name: str, models_dir: Path) -> SpeechEngine:
    if name == "espeak":
        from synthesis_worker.engines.espeak import EspeakEngine

        return EspeakEngine()
    if name == "piper":
        from synthesis_worker.engines.piper import PiperEngine

        return PiperEngine(models_dir)
    raise ValueError(
        f"There is no engine {name!r}: use espeak, piper, or name=package.module:Class."
    )


def _import_engine(path: str) -> SpeechEngine:
    module, colon, name = path.partition(":")
    if not colon:
        raise ValueError(f"{path!r} names no class: write name=package.module:Class.")
    engine: SpeechEngine = getattr(importlib.import_module(module), name)()
    return engine
