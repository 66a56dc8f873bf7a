"""Where streams wait for a slot: first those that somebody listens to, then in order."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpu_worker.batching.utterances import Stream


class Entrance:
    """Any thread puts, one takes."""

    def __init__(self) -> None:
        self._waiting: list[Stream] = []
        self._changed = threading.Condition()
        self._closed = False

    def put(self, stream: Stream) -> bool:
        """False where nobody is let in any more."""
        with self._changed:
            if not self._closed:
                self.put_back(stream)
            return not self._closed

    def put_back(self, stream: Stream) -> None:
        """Who was let in once is let in again."""
        with self._changed:
            self._waiting.append(stream)
            self._changed.notify()

    def take(self) -> Stream | None:
        """The next one that is still listened to, unless nobody waits."""
        with self._changed:
            self._waiting = [stream for stream in self._waiting if not stream.left]
            if not self._waiting:
                return None
            first = min(self._waiting, key=_turn)
            self._waiting.remove(first)
            return first

    def wait(self) -> bool:
        """Until somebody is there. False where none will come any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return bool(self._waiting)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()


def _turn(stream: Stream) -> tuple[bool, int]:
    return not stream.soon, stream.number
