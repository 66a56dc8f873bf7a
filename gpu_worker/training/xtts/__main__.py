"""`python -m gpu_worker.training.xtts TASK.json`: teaches XTTS a voice and tells how it goes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gpu_worker.training.telling import train_and_tell

if TYPE_CHECKING:
    from gpu_worker.training.telling import Task, Teller


def train(task: Task, teller: Teller) -> None:
    """Heavy libraries are imported here: until then SIGTERM is answered at once."""
    from gpu_worker.training.xtts.training import train_voice

    train_voice(task, teller)


if __name__ == "__main__":
    sys.exit(train_and_tell(train))
