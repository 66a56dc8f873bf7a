"""What a training child is asked and what it tells: a task file in, JSON lines on stdout out.

TrainingFailed   `code` is stable, `message` says what to do, `permanent`: never try again
|-- Diverged     a loss that is no number
`-- DiskFull     no room for a checkpoint or a voice
"""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

WARMING = 2  # steps: the first one prepares what the others use
RECENT = 0.1  # the weight of the newest step in what is known of a step's seconds
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class TrainingFailed(Exception):
    """A training that cannot go on, in plain words."""

    def __init__(self, message: str, *, code: str, permanent: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.permanent = permanent


class Diverged(TrainingFailed):
    def __init__(self, step: int) -> None:
        super().__init__(
            f"The training went astray at step {step}: its losses are no numbers any more."
            " Look for damaged or wrongly transcribed samples, or begin from another base.",
            code="training_diverged",
        )


class DiskFull(TrainingFailed):
    def __init__(self) -> None:
        super().__init__(
            "The training worker's disk is full. Make room; asked for again with the same"
            " recordings and steps, the training goes on from its last checkpoint.",
            code="disk_full",
            permanent=False,
        )


class Stopped(BaseException):
    """Asked to stop while nothing has been trained yet; no library's `except Exception` has it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One training, as the task file has it. It writes below `work` and nowhere else."""

    data: Path
    work: Path
    base: Path | None
    language: str
    steps: int
    batch: int
    device: str
    seed: int
    checkpoint_seconds: float
    resume: Path | None
    network: Mapping[str, Any]


def read_task(file: Path) -> Task:
    told = json.loads(file.read_bytes())
    known = {field.name: told[field.name] for field in fields(Task)}
    for name in ("data", "work", "base", "resume"):
        known[name] = Path(known[name]) if known[name] else None
    return Task(**known)


class Teller:
    """Tells how a training goes, and knows whether it was asked to stop."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._steps = 0
        self._at: int | None = None
        self._clock = 0.0
        self._pace = 0.0
        self._measured = 0
        self.stopping = False  # to be asked after each step: write a checkpoint, tell `stopped`

    def started(self, step: int, steps: int) -> None:
        """From here on SIGTERM waits for the step it meets."""
        self._at, self._steps, self._clock = step, steps, time.monotonic()
        self._tell("started", step=step, steps=steps)

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        """After each step; a loss that is no number is not told, it ends the training."""
        if not all(math.isfinite(loss) for loss in losses.values()):
            raise Diverged(step)
        left = self._measure() * (self._steps - step)
        self._at = step
        self._tell("step", step=step, losses=dict(losses), seconds_left=round(left, 1))

    def left_out(self, clips: Sequence[Mapping[str, Any]]) -> None:
        """What the engine cannot learn of the data set; each as a data set's report has it."""
        if clips:
            self._tell("left_out", clips=list(clips))

    def checkpoint(self, step: int, file: Path) -> None:
        self._tell("checkpoint", step=step, file=str(file))

    def done(self, step: int, artifact: Path, losses: Mapping[str, float]) -> None:
        self._tell("done", step=step, artifact=str(artifact), losses=dict(losses))

    def stopped(self) -> None:
        self._tell("stopped", step=self._at or 0)

    def failed(self, error: TrainingFailed) -> None:
        self._tell("failed", code=error.code, message=error.message, permanent=error.permanent)

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """The answer to SIGTERM: after the step, or at once where there is nothing to lose."""
        self.stopping = True
        if self._at is None:
            raise Stopped

    def _measure(self) -> float:
        now = time.monotonic()
        seconds, self._clock = now - self._clock, now
        self._measured += 1
        self._pace += (seconds - self._pace) * (RECENT if self._measured > WARMING else 1.0)
        return self._pace

    def _tell(self, event: str, **details: Any) -> None:
        line = json.dumps({"event": event, **details}, ensure_ascii=False, allow_nan=False)
        self._stream.write(line + "\n")
        self._stream.flush()


def train_and_tell(train: Callable[[Task, Teller], None]) -> int:
    """The whole life of a child program: `python -m ... TASK.json`. The exit status.

    `train` tells `started`, each step and either `done` or `stopped` by itself.
    """
    teller = Teller(_own_stdout())
    signal.signal(signal.SIGTERM, teller.stop)
    try:
        train(read_task(Path(sys.argv[1])), teller)
    except Stopped:
        teller.stopped()
    except Exception as error:  # noqa: BLE001 - whoever waits must learn of it
        traceback.print_exc()
        teller.failed(in_plain_words(error))
        return 1
    return 0


def in_plain_words(error: Exception) -> TrainingFailed:
    """What a person can do about it; the operator's log has the rest.

    What nobody foresaw may be a driver's hiccup: another try goes on from the last checkpoint.
    """
    if isinstance(error, TrainingFailed):
        return error
    if _chain_has_no_room(error):
        return DiskFull()
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's own
        return TrainingFailed(
            "The training worker has too little memory for this training: use a smaller batch.",
            code="training_no_memory",
            permanent=False,
        )
    return TrainingFailed(
        "The training failed for a reason that only the worker's log tells; ask its operator.",
        code="training_failed",
        permanent=False,
    )


def _chain_has_no_room(error: BaseException | None) -> bool:
    """Libraries wrap what the system said."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return True
        error = error.__cause__ or error.__context__
    return False


def _own_stdout() -> IO[str]:
    """Keep stdout for the lines; whatever anybody else prints goes to stderr."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return kept
