"""Where streams wait for a slot: first those that somebody listens to, then in order."""

from __future__ import annotations

import heapq
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpu_worker.batching.utterances import Stream


class Entrance:
    """Any thread puts, one takes."""

    def __init__(self) -> None:
        self._waiting: list[tuple[bool, int, Stream]] = []
        self._changed = threading.Condition()
        self.closed = False

    def put(self, stream: Stream) -> None:
        with self._changed:
            heapq.heappush(self._waiting, (not stream.utterance.soon, stream.number, stream))
            self._changed.notify()

    def take(self) -> Stream | None:
        """The next one, unless nobody waits."""
        with self._changed:
            return heapq.heappop(self._waiting)[2] if self._waiting else None

    def wait(self) -> bool:
        """Until somebody is there. False where none will come any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self.closed)
            return bool(self._waiting)

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify()
