"""The events webhooks tell of, and what a message says: addresses and hashes, no text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings

from jobs.services.notices import NOTICES
from jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

ENDINGS = ("job.succeeded", "job.failed", "job.cancelled", "job.expired")
PROGRESS = "job.progress"
EVENTS = (*ENDINGS, PROGRESS, *NOTICES)
TEST = "webhook.test"


class Happened(NamedTuple):
    """An event's row, and what of its job, if it has one, a message tells."""

    id: int
    transaction: int
    name: str
    number: int
    data: Mapping[str, Any]
    at: datetime
    job_id: UUID | None
    kind: str | None
    personality_id: str | None
    batch_id: UUID | None
    url: str  # where its own request wants it told, if anywhere


def message_id(event: Happened) -> str:
    """The same for every endpoint and every try, and after a dump was restored elsewhere."""
    if event.job_id is None:
        return f"msg_event_{event.id}_{event.at:%Y%m%d%H%M%S}"  # numbers are drawn again then
    return f"msg_{event.job_id.hex}_{event.number}"


def message(event: Happened) -> str:
    """The body, as it is signed."""
    if event.job_id is None:
        return _body(event.name, event.at, event.data)
    told = {
        "id": str(event.job_id),
        "kind": event.kind,
        "state": _state(event.name),
        "personality_id": event.personality_id,
        "batch_id": event.batch_id and str(event.batch_id),
        "url": _address(event),
        "error": event.data if event.name == "job.failed" else None,
        "result": _result(event) if event.name == "job.succeeded" else None,
    }
    if event.name == PROGRESS:
        told["progress"] = event.data.get("progress")
    return _body(event.name, event.at, told)


def test_message() -> str:
    """A message that says only that the way is open."""
    return _body(TEST, datetime.now(UTC), {"message": "This endpoint can be reached."})


def _state(name: str) -> str:
    return State.RUNNING if name == PROGRESS else name.removeprefix("job.")


def _result(event: Happened) -> dict[str, Any]:
    audio = {"audio_url": f"{_address(event)}/audio"} if "sha256" in event.data else {}
    return {**event.data, **audio}


def _address(event: Happened) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}/api/v1/jobs/{event.job_id}"


def _body(name: str, at: datetime, data: Mapping[str, Any]) -> str:
    moment = at.isoformat().replace("+00:00", "Z")
    return json.dumps({"type": name, "timestamp": moment, "data": data}, separators=(",", ":"))
