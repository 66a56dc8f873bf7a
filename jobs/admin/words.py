"""The ledger in words: what its states, codes and events mean to somebody who runs the place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.states import Priority, State
from tenants.admin.words import badge

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

# What a state is called, its colour, and what it means.
STATES: dict[str, tuple[str, str, str]] = {
    State.WAITING: ("waiting", "plain", "Waits for its time, or for other jobs"),
    State.QUEUED: ("in line", "info", "Ready; waits for a free worker"),
    State.RUNG: ("handed out", "info", "On its way to a worker"),
    State.RUNNING: ("running", "info", "A worker is on it"),
    State.SUCCEEDED: ("done", "good", "Ended well"),
    State.FAILED: ("failed", "bad", "Ended without a result"),
    State.CANCELLED: ("cancelled", "plain", "Somebody called it off"),
    State.EXPIRED: ("too late", "warn", "Its deadline came before its turn"),
}
PRIORITIES = {
    Priority.INTERACTIVE: "first: somebody waits for it",
    Priority.STANDARD: "normal",
    Priority.BATCH: "last: no hurry",
}
CODES = {
    "lease_lost": "The worker went silent",
    "drained": "The worker was shut down and handed it back",
    "poison": "It took several workers down",
    "part_failed": "A part of it failed",
    "part_cancelled": "A part of it was cancelled",
    "part_expired": "A part of it came too late",
}


def state_word(state: str) -> str:
    return STATES[state][0]


def state_badge(state: str) -> SafeString:
    return badge(*STATES[state])


def code_words(code: str) -> str:
    """A stable code as a sentence's beginning; an unknown one is spelled out."""
    return CODES.get(code) or code.replace("_", " ").capitalize()


def event_words(name: str) -> str:
    """ "job.succeeded" is "done"."""
    state = name.removeprefix("job.")
    return state_word(state) if state in STATES else name.replace(".", " ").replace("_", " ")
