"""Arms of a comparison, taking turns: A B C A B C, so that a noisy machine is noisy for all."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench.cpu import cpu_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SETTLE = 0.3  # seconds after a turn in which what was put off still counts as its work

Split = dict[str, float]


def nothing() -> None:
    """What most turns need before they begin."""


@dataclass
class Arm:
    """One way to do the work. `turn` does a round of it and says how many units that was."""

    name: str
    turn: Callable[[], float]
    processes: Mapping[str, int]  # those that do it, by name; all below them count as well
    before: Callable[[], object] = nothing  # unmeasured
    rounds: list[Split] = field(default_factory=list)  # CPU ms per unit, by process

    @property
    def costs(self) -> list[float]:
        return [sum(split.values()) for split in self.rounds]

    @property
    def median(self) -> float:
        return statistics.median(self.costs)

    def measure(self) -> Split:
        self.before()
        already = self._used()
        units = self.turn()
        time.sleep(SETTLE)
        return {name: (used - already[name]) / units for name, used in self._used().items()}

    def told(self) -> str:
        """The figures of all rounds, and which process they went to."""
        parts = {name: statistics.median(r[name] for r in self.rounds) for name in self.processes}
        split = ", ".join(f"{name} {part:.3g}" for name, part in parts.items())
        rounds = " ".join(f"{cost:.3g}" for cost in self.costs)
        return f"  {self.name}: {self.median:.3g} CPU ms ({rounds}): {split}"

    def _used(self) -> Split:
        return {name: cpu_ms([pid]) for name, pid in self.processes.items()}


def take_turns(arms: Sequence[Arm], rounds: int) -> None:
    """Each arm in each round, after one round that warms all up and counts for nothing."""
    for number in range(rounds + 1):
        for arm in arms:
            split = arm.measure()
            if number:
                arm.rounds.append(split)
    for arm in arms:
        print(arm.told(), flush=True)
