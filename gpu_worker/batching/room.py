"""How many slots there is memory for: fewer where it ran out, after a while as many as asked."""

from __future__ import annotations

from time import monotonic

FIRST_WAIT, LONGEST_WAIT = 60.0, 3600.0  # seconds


class Room:
    """One thread's own. Each try puts the next one off for twice as long."""

    def __init__(self, asked: int) -> None:
        self.slots = self._asked = asked
        self._wait = FIRST_WAIT
        self._halved_at = 0.0

    @property
    def due(self) -> bool:
        """It is time to try again."""
        return self.slots < self._asked and monotonic() - self._halved_at >= self._wait

    def halve(self) -> None:
        self.slots //= 2
        self._halved_at = monotonic()

    def restore(self) -> None:
        self.slots = self._asked
        self._wait = min(2 * self._wait, LONGEST_WAIT)
