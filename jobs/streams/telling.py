"""An event as it goes over the wire: where it stands, and its lines."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.api.presenting import audio_url, moment
from jobs.errors import BadLastEventIdError
from jobs.services.notices import NOTICES
from jobs.states import FINAL, State

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

Position = tuple[int, ...]

PROGRESS = "job.progress"
ENDINGS = frozenset(f"job.{state}" for state in FINAL)
NAMES = ENDINGS | {PROGRESS, *NOTICES}
RETRY = b"retry: 2000\n"
PING = b": ping\n"
PARTS = {1: re.compile(r"[0-9]{1,9}"), 2: re.compile(r"[0-9]{1,18}-[0-9]{1,18}")}
GAP = {
    "code": "events_forgotten",
    "detail": "Events between your Last-Event-ID and what follows are not kept any more, or the id"
    " is not of this ledger. Ask for the jobs themselves.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One event, made once for all who are sent it."""

    position: Position
    name: str
    kind: str
    block: bytes

    @property
    def final(self) -> bool:
        """Nothing happens to its job after it."""
        return self.name in ENDINGS


@dataclass(frozen=True, slots=True)
class Happening:
    """An event's row, and what of its job, if it has one, is told with it."""

    name: str
    data: dict[str, Any]
    at: datetime
    job_id: UUID | None
    kind: str | None
    progress: float | None


def tell(position: Position, happening: Happening) -> Told:
    """The text of a job is never in it."""
    name, data = happening.name, happening.data
    if happening.job_id is None:
        return Told(position, name, "", _block(position, name, data | {"at": moment(happening.at)}))
    state = State.RUNNING if name == PROGRESS else State(name.removeprefix("job."))
    result = data if state == State.SUCCEEDED else None
    shown = {
        "job_id": str(happening.job_id),
        "kind": happening.kind,
        "state": state,
        "progress": data["progress"] if name == PROGRESS else happening.progress,
        "details": _details(data) if name == PROGRESS else None,
        "error": data if data.get("code") else None,
        "result": result,
        "audio_url": audio_url(happening.job_id, result),
        "at": moment(happening.at),
    }
    return Told(position, name, happening.kind or "", _block(position, name, shown))


def _details(data: dict[str, Any]) -> dict[str, Any] | None:
    """How far it is in words of its kind: a training's steps and losses."""
    return {name: value for name, value in data.items() if name != "progress"} or None


def tell_gap(position: Position) -> bytes:
    """That something is missing before what follows."""
    return _block(position, "stream.gap", GAP)


def place(position: Position) -> bytes:
    """Tells the client where it stands, and nothing else."""
    return b"id: %s\n\n" % written(position)


def read_position(text: str, parts: int) -> Position | None:
    """Where a client stands; None where it has not said so."""
    if not text:
        return None
    if not PARTS[parts].fullmatch(text):
        raise BadLastEventIdError
    return tuple(map(int, text.split("-")))


def written(position: Position) -> bytes:
    return "-".join(map(str, position)).encode()


def _block(position: Position, name: str, shown: dict[str, Any]) -> bytes:
    data = json.dumps(shown, separators=(",", ":"))
    return f"event: {name}\ndata: {data}\n".encode() + place(position)
