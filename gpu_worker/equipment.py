"""The engines of cards as an operator has set them: what ENGINES of a card's worker names."""

from __future__ import annotations

import os
import signal
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from gpu_worker.engines.styletts2.engine import StyleTts2Engine
    from gpu_worker.engines.xtts.engine import XttsEngine
    from gpu_worker.trainers import Trainer
    from gpu_worker.training.dataset.recogniser import Recogniser


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


def piper_training() -> Trainer:
    """`piper_training=gpu_worker.equipment:piper_training`"""
    from gpu_worker.trainers import SCRATCH, Trainer
    from gpu_worker.training.dataset.limits import minimum_for
    from synthesis_worker.engines.espeak_library import espeak_library
    from synthesis_worker.engines.espeak_voices import EspeakVoices

    bases = sorted((settings.MODELS_DIR / "piper_bases").glob("*.ckpt"))
    return Trainer(
        speaks="piper",
        makes="trained",
        program="gpu_worker.training.piper",
        rate=22_050,
        languages=EspeakVoices(espeak_library()).languages,
        bases={base.stem: base for base in bases} or {SCRATCH: None},
        steps=2_000 if bases else 100_000,
        seconds_a_step=_seconds_a_step(card=0.5, core=11.0),
        minimum=minimum_for("piper"),
        licence="GPL-3.0-or-later",
        commercial=True,
        batch=settings.TRAINING_BATCH,
        device=settings.DEVICE,
        version=metadata.version("piper-tts"),
        recogniser=_recogniser(settings.WHISPER_DIR, settings.DEVICE),
    )


def xtts_training() -> Trainer:
    """`xtts_v2_training=gpu_worker.equipment:xtts_training`"""
    from gpu_worker.engines.xtts.wording import LONGEST
    from gpu_worker.trainers import Trainer
    from gpu_worker.training.dataset.limits import minimum_for

    folder = settings.MODELS_DIR / "xtts_v2"
    there = all((folder / name).is_file() for name in ("dvae.pth", "mel_stats.pth"))
    accepted = "CPML" in settings.ACCEPTED_LICENCES
    return Trainer(
        speaks="xtts_v2",
        makes="xtts_v2",
        program="gpu_worker.training.xtts",
        rate=22_050,
        languages=tuple(sorted(LONGEST)),
        bases={"xtts_v2": folder} if there and accepted else {},
        steps=1_000,
        seconds_a_step=_seconds_a_step(card=1.0, core=40.0),
        minimum=minimum_for("xtts_v2"),
        licence="Coqui Public Model License 1.0.0: not for commercial use",
        commercial=False,
        batch=settings.TRAINING_BATCH,
        device=settings.DEVICE,
        version=metadata.version("coqui-tts"),
        recogniser=_recogniser(settings.WHISPER_DIR, settings.DEVICE),
    )


@cache
def _recogniser(folder: str, device: str) -> Recogniser | None:
    """What the operator installed, where there is something: one for all trainers."""
    from gpu_worker.training.dataset.recogniser import find_recogniser

    return find_recogniser(Path(folder) if folder else None, device)[0]


def _seconds_a_step(*, card: float, core: float) -> float:
    """On a card, or of as many cores as there are. Guesses, but for Piper's of a core.

    That is what a step of its own network and eight clips of 4 s was measured to take. Each
    training sees for itself how long it will take.
    """
    on_card = settings.DEVICE.startswith("cuda")
    return card if on_card else core / len(os.sched_getaffinity(0))
