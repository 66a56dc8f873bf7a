"""What ENGINES of the tests' card workers names: the product's equipment, with small models."""

from __future__ import annotations

from django.conf import settings

from gpu_worker import equipment
from gpu_worker.engines.xtts.engine import Settings, XttsEngine
from tests.gpu.xtts_models import narrow_vocoder


def xtts() -> XttsEngine:
    narrow_vocoder()
    return equipment.xtts()


def spoilt() -> XttsEngine:
    """Its model is not what it says."""
    return XttsEngine(Settings(settings.MODELS_DIR / "spoilt", accepted=True))


def missing() -> XttsEngine:
    return XttsEngine(Settings(settings.MODELS_DIR / "missing", accepted=True))


def unlicensed() -> XttsEngine:
    return XttsEngine(Settings(settings.MODELS_DIR / "xtts_v2"))
