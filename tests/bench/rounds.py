"""Arms of a comparison, taking turns: A B C A B C, so that a noisy machine is noisy for all."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench.cpu import cpu_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SETTLE = 0.3  # seconds after a turn in which what was put off still counts as its work


@dataclass
class Arm:
    """One way to do the work. `turn` does a round of it and says how many units that was."""

    name: str
    turn: Callable[[], float]
    pids: Sequence[int]  # the processes that do it; all below them count as well
    before: Callable[[], object] = lambda: None  # what a turn needs that is no part of it
    cost: list[float] = field(default_factory=list)  # CPU ms per unit, a figure for each round

    @property
    def median(self) -> float:
        return statistics.median(self.cost)

    def measure(self) -> float:
        self.before()
        already = cpu_ms(self.pids)
        units = self.turn()
        time.sleep(SETTLE)
        return (cpu_ms(self.pids) - already) / units


def take_turns(arms: Sequence[Arm], rounds: int) -> None:
    """Each arm in each round, after one round that warms all up and counts for nothing."""
    for number in range(rounds + 1):
        for arm in arms:
            cost = arm.measure()
            if number:
                arm.cost.append(cost)
    for arm in arms:
        told = " ".join(f"{cost:.3g}" for cost in arm.cost)
        print(f"  {arm.name}: {arm.median:.3g} ({told})", flush=True)
