"""The engines of this worker process, made once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from synthesis_worker.engines import build_engines

if TYPE_CHECKING:
    from synthesis_worker.contract import SpeechEngine


@cache
def engines() -> dict[str, SpeechEngine]:
    return build_engines(settings.ENGINES, models_dir=settings.MODELS_DIR, piper_threads=1)
