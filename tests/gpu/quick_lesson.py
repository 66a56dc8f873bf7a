"""A training that learns nothing, does not like one clip, and may come to grief at a step."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from gpu_worker.training.telling import TrainingFailed, train_and_tell

if TYPE_CHECKING:
    from pathlib import Path

    from gpu_worker.training.telling import Task, Teller

REJECTED = {
    "source": "take 1.wav",
    "start": 0.0,
    "end": 2.0,
    "code": "text_unfit",
    "message": "It cannot be learnt.",
}


def train(task: Task, teller: Teller) -> None:
    teller.left_out([REJECTED])
    done = _step_of(task.resume) if task.resume else 0
    teller.started(done, task.steps)
    for step in range(done + 1, task.steps + 1):
        teller.step(step, {"mel": 1.0 / step})
        _store(step, task, teller)
        for grief in [] if task.resume else task.network:
            if task.network[grief] == step:
                GRIEFS[grief](task)
    file = task.work / "voice"
    file.write_bytes(b"what was learnt")
    teller.done(task.steps, file, {"mel": 1.0 / task.steps})


def _step_of(checkpoint: Path) -> int:
    try:
        return int(checkpoint.read_text())
    except ValueError as error:
        raise TrainingFailed("It is another training's.", code="checkpoint_unfit") from error


def _store(step: int, task: Task, teller: Teller) -> None:
    file = task.work / f"{step}.ckpt"
    file.write_text(str(step))
    teller.checkpoint(step, file)


def _stumble(_: Task) -> None:
    raise RuntimeError("CUDA error: unspecified launch failure")


def _die(_: Task) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wait(_: Task) -> None:
    """Until somebody ends it."""
    while True:
        signal.pause()


def _fill_the_disk(task: Task) -> None:
    (task.work / "large").write_bytes(bytes(2 * 2**20))
    _wait(task)


GRIEFS = {"stumbles": _stumble, "dies": _die, "waits": _wait, "fills the disk": _fill_the_disk}

if __name__ == "__main__":
    sys.exit(train_and_tell(train))
