"""`python -m gpu_worker.training.piper TASK.json`: trains a Piper voice and tells how it goes."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from gpu_worker.training.telling import train_and_tell

if TYPE_CHECKING:
    from pathlib import Path

    from gpu_worker.training.telling import Task, Teller


def train(task: Task, teller: Teller) -> None:
    """Heavy libraries are imported here: until then SIGTERM is answered at once."""
    scratch = task.work / "scratch"
    _empty(scratch)
    try:
        from gpu_worker.training.piper.training import train_voice

        train_voice(task, teller, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _empty(scratch: Path) -> None:
    """A killed training may have left half of a file, which Piper would take for whole."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)


if __name__ == "__main__":
    sys.exit(train_and_tell(train))
