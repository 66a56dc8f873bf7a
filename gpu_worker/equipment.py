"""The engines of cards as an operator has set them: what ENGINES of a card's worker names."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from gpu_worker.engines.styletts2.engine import StyleTts2Engine
    from gpu_worker.engines.xtts.engine import XttsEngine


def xtts() -> XttsEngine:
    """`xtts_v2=gpu_worker.equipment:xtts`"""
    from gpu_worker.engines.xtts.engine import Settings, XttsEngine

    return XttsEngine(
        Settings(
            folder=settings.MODELS_DIR / "xtts_v2",
            device=settings.DEVICE,
            slots=settings.BATCH_SLOTS,
            accepted="CPML" in settings.ACCEPTED_LICENCES,
            give_up=end_process,
        )
    )


def end_process() -> None:
    """As an operator would: it drains and hands back, and is started anew by what supervises it."""
    os.kill(os.getpid(), signal.SIGTERM)


def styletts2() -> StyleTts2Engine:
    """`styletts2=gpu_worker.equipment:styletts2`"""
    from gpu_worker.engines.styletts2.engine import StyleTts2Engine

    folder = settings.MODELS_DIR / "styletts2"
    accepted = "StyleTTS2" in settings.ACCEPTED_LICENCES
    return StyleTts2Engine(folder, device=settings.DEVICE, accepted=accepted)
