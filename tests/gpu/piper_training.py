"""A small data set of synthetic speech, and tasks that train a tiny Piper voice on it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr

from gpu_worker.training.child import Child, Limits
from synthesis_worker.engines.espeak_library import SAMPLE_RATE, espeak_library

if TYPE_CHECKING:
    from pathlib import Path

RATE = 16_000
TEXTS = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It is easy to tell the depth of a well.",
    "Rice is often served in round bowls.",
    '"The juice of lemons makes fine punch.',
    "The box was thrown beside the parked truck.",
    "Four hours of steady work faced us.",
    "The boy was there when the sun rose.",
)
TINY = {
    "hidden_channels": 32,
    "inter_channels": 32,
    "filter_channels": 64,
    "n_layers": 2,
    "upsample_initial_channel": 64,
    "discriminator": "small",
}
ROOMY = Limits(memory=8 * 2**30, seconds=600, disk=2**30)
COMMAND = (sys.executable, "-P", "-m", "gpu_worker.training.piper")


def make_clips(folder: Path) -> Path:
    (folder / "wavs").mkdir(parents=True)
    lines = [f"{number}.wav|{text}\n" for number, text in enumerate(TEXTS)]
    (folder / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    sources = {f"{number}.wav": ("take 1.wav", number, number + 1) for number in range(len(TEXTS))}
    (folder / "sources.json").write_text(json.dumps(sources))
    for number, text in enumerate(TEXTS):
        said = espeak_library().speak("gmw/en-US", text, rate=180, pitch=50, pause=False)
        sound = np.frombuffer(said, np.int16).astype(np.float32) / 2**15
        sound = soxr.resample(sound, SAMPLE_RATE, RATE)
        soundfile.write(folder / "wavs" / f"{number}.wav", sound, RATE, subtype="PCM_16")
    return folder


def make_task(folder: Path, data: Path, **differing: Any) -> Path:
    """The file of a task whose work folder lies beside it."""
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    task = {
        "data": str(data),
        "work": str(work),
        "base": None,
        "language": "en-US",
        "steps": 5,
        "batch": 4,
        "device": "cpu",
        "seed": 1,
        "checkpoint_seconds": 600,
        "resume": None,
        "network": TINY,
    }
    file = folder / "task.json"
    file.write_text(json.dumps(task | differing))
    return file


def start(task: Path, *, limits: Limits = ROOMY, command: tuple[str, ...] = COMMAND) -> Child:
    return Child(command, task, limits)


def told(child: Child) -> list[dict[str, Any]]:
    """All it tells until its end."""
    with child:
        return [dict(event) for event in child.events() if event]


def losses(events: list[dict[str, Any]]) -> dict[int, dict[str, float]]:
    return {event["step"]: event["losses"] for event in events if event["event"] == "step"}
