"""A training that learns nothing: it goes on from no checkpoint, and does not like one clip."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gpu_worker.training.telling import TrainingFailed, train_and_tell

if TYPE_CHECKING:
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
    if task.resume:
        raise TrainingFailed("It is of another training.", code="checkpoint_unfit")
    teller.started(0, task.steps)
    for step in range(1, task.steps + 1):
        teller.step(step, {"mel": 1.0 / step})
    file = task.work / "voice"
    file.write_bytes(b"what was learnt")
    teller.done(task.steps, file, {"mel": 1.0 / task.steps})


if __name__ == "__main__":
    sys.exit(train_and_tell(train))
