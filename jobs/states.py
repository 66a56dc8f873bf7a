"""The states of a job and the moves between them. docs/ledger.md draws them."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class State(StrEnum):
    WAITING = "waiting"  # not due: other jobs must end, or not_before must come
    QUEUED = "queued"  # ready now
    RUNG = "rung"  # its bell is with the broker
    RUNNING = "running"  # a worker holds its lease
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED})
LIVE = frozenset(State) - FINAL
NOT_STARTED = frozenset({State.WAITING, State.QUEUED, State.RUNG})

MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.QUEUED, State.FAILED, State.CANCELLED, State.EXPIRED}),
    State.QUEUED: frozenset({State.RUNG, State.RUNNING, State.CANCELLED, State.EXPIRED}),
    State.RUNG: frozenset({State.RUNNING, State.QUEUED, State.CANCELLED, State.EXPIRED}),
    State.RUNNING: frozenset({State.QUEUED, State.WAITING}) | FINAL,
} | {final: frozenset() for final in FINAL}


class Priority(IntEnum):
    """The order among one tenant's own jobs."""

    INTERACTIVE = 0
    STANDARD = 1
    BATCH = 2


class Bond(StrEnum):
    """Why one job waits on another."""

    PART = "part"  # a part of me: its failure is mine
    SAME = "same"  # another request's own render that I can use as well
