"""What ENGINES of a StyleTTS2 worker names in tests beside the product's own: what is unable."""

from __future__ import annotations

from django.conf import settings

from gpu_worker.engines.styletts2.engine import StyleTts2Engine


def missing() -> StyleTts2Engine:
    return StyleTts2Engine(settings.MODELS_DIR / "missing", accepted=True)


def damaged() -> StyleTts2Engine:
    """Its weights were cut off."""
    return StyleTts2Engine(settings.MODELS_DIR / "damaged", accepted=True)


def unlicensed() -> StyleTts2Engine:
    return StyleTts2Engine(settings.MODELS_DIR / "styletts2")
