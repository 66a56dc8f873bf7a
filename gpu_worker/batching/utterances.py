"""What is asked of a batch, and what is heard of it."""

from __future__ import annotations

import itertools
import queue
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy.typing as npt
    from torch import Tensor

    from gpu_worker.batching.sampling import Sampling

    Sound = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Utterance:
    """One piece of text in one voice, as the model takes it."""

    prefix: Tensor = field(repr=False)  # [length, width]: the voice's latents, then the text's
    speaker: Tensor = field(repr=False)  # [width, 1]
    sampling: Sampling
    speed: float = 1.0
    most: int | None = None  # tokens
    soon: bool = True  # somebody will listen at once, and not after other utterances


numbers = itertools.count()
PULSE = 0.5  # seconds
PATIENCE = 3.0  # seconds, after which nobody who came later goes before
NOTHING = np.zeros(0, np.float32)


class Stream:
    """The sound of one utterance, from the batch's thread to whoever asked."""

    def __init__(self, utterance: Utterance) -> None:
        self.utterance = utterance
        self.number = next(numbers)  # who came first
        self.given = 0  # samples
        self._asked_at, self._listened = monotonic(), False
        self._sound: queue.SimpleQueue[Sound | Exception | None] = queue.SimpleQueue()
        self._left = threading.Event()

    @property
    def left(self) -> bool:
        """Nobody listens any more."""
        return self._left.is_set()

    @property
    def soon(self) -> bool:
        """Somebody waits for it now, or it has waited long."""
        waited = monotonic() - self._asked_at
        return self.utterance.soon or self._listened or waited > PATIENCE

    def leave(self) -> None:
        self._left.set()

    def give(self, sound: Sound) -> None:
        self.given += len(sound)
        self._sound.put(sound)

    def end(self, error: Exception | None = None) -> None:
        self._sound.put(error)

    def listen(self) -> Generator[Sound, None, None]:
        """Sound as it is made, and no sound where none comes for a while: so one may look up.

        Who stops listening ends the work.
        """
        self._listened = True
        try:
            while (heard := self._hear()) is not None:
                if isinstance(heard, Exception):
                    raise heard
                yield heard
        finally:
            self.leave()

    def _hear(self) -> Sound | Exception | None:
        try:
            return self._sound.get(timeout=PULSE)
        except queue.Empty:
            return NOTHING
