"""The engines of this worker process, made once, and what it announces of them."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings

from synthesis_worker.engines import build_engines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from synthesis_worker.contract import SpeechEngine


@cache
def engines() -> dict[str, SpeechEngine]:
    return build_engines(settings.ENGINES, models_dir=settings.MODELS_DIR)


def capabilities_by_engine(queue: str) -> Mapping[str, Mapping[str, Any]]:
    """What this worker announces: its engines where it speaks, nothing where it only encodes."""
    if queue == "media":
        return {}
    return {name: asdict(engine.capabilities) for name, engine in engines().items()}
