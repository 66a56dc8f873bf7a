"""What ENGINES of the tests' card workers names: the product's equipment, with small models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from gpu_worker import equipment
from gpu_worker.engines.xtts.engine import Settings, XttsEngine
from tests.gpu.xtts_models import narrow_vocoder

if TYPE_CHECKING:
    from gpu_worker.engines.xtts.parts import Loaded


def xtts() -> XttsEngine:
    narrow_vocoder()
    return equipment.xtts()


def faulty() -> XttsEngine:
    """It loads, and whatever is asked of it fails: as on a card whose context is lost."""
    narrow_vocoder()
    return Faulty(equipment.xtts()._settings)


class Faulty(XttsEngine):
    def _open(self) -> Loaded:
        loaded = super()._open()
        loaded.model.gpt.mel_head.register_forward_pre_hook(_fail)
        return loaded


def _fail(*_: object) -> None:
    raise RuntimeError("an illegal memory access was encountered")


def spoilt() -> XttsEngine:
    """Its model is not what it says."""
    return XttsEngine(Settings(settings.MODELS_DIR / "spoilt", accepted=True))


def missing() -> XttsEngine:
    return XttsEngine(Settings(settings.MODELS_DIR / "missing", accepted=True))


def unlicensed() -> XttsEngine:
    return XttsEngine(Settings(settings.MODELS_DIR / "xtts_v2"))
