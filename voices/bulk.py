"""Submitting many at once: each checked alone, all written in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import APIException

from jobs.errors import IdempotencyConflictError
from jobs.pressure import check_pressure
from jobs.services.accept import Made, find_made, new_job_id
from jobs.webhooks.errors import WebhookUrlRefusedError
from voices.accepting import Submitted, accept_all
from voices.errors import VoiceError
from voices.preparing import Prepared, prepare_synthesis
from voices.requests import body_hash
from voices.text import TextError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from tenants.callers import Caller
    from voices.requests import SynthesisRequest


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one item: its job, or the error that kept it out."""

    index: int
    submitted: Submitted | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    id: UUID
    lines: tuple[Line, ...]

    @property
    def replayed(self) -> bool:
        """Whether the same request made all of it before."""
        made = [line.submitted for line in self.lines if line.submitted]
        return bool(made) and all(one.replayed for one in made)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What all items of a request share."""

    caller: Caller
    read: Callable[[Mapping[str, Any]], SynthesisRequest]
    batch_id: UUID
    key: str | None
    body_hash: str
    made: Mapping[int, Made]

    def check(self, index: int, item: Mapping[str, Any]) -> Prepared | Submitted | Exception:
        """The item as it may be accepted, as it was before, or why it may not."""
        if index in self.made:
            return Submitted(self.made[index].job_id, replayed=True)
        try:
            return prepare_synthesis(
                self.caller,
                self.read(item),
                batch_id=self.batch_id,
                idempotency_key=self.key and own_key(self.key, index),
                body_hash=self.body_hash,
            )
        except (APIException, VoiceError, TextError, WebhookUrlRefusedError) as error:
            return error


def submit_bulk(
    caller: Caller,
    items: Sequence[Mapping[str, Any]],
    *,
    read: Callable[[Mapping[str, Any]], SynthesisRequest],
    key: str | None = None,
) -> Batch:
    """Check each item alone; accept all that pass in one transaction, as one batch."""
    whole = body_hash(items)
    made = {} if key is None else _made_before(caller, len(items), key, whole)
    batch_id = next((one.batch_id for one in made.values() if one.batch_id), None) or new_job_id()
    bundle = Bundle(caller, read, batch_id, key, whole, made)
    checked = [bundle.check(index, item) for index, item in enumerate(items)]
    good = [one for one in checked if isinstance(one, Prepared)]
    check_pressure(tenant_id=caller.tenant_id, ceiling=caller.max_queued, more=len(good))
    accepted = iter(accept_all(good))
    answers = [next(accepted) if isinstance(one, Prepared) else one for one in checked]
    return Batch(batch_id, tuple(_line(*pair) for pair in enumerate(answers)))


def _made_before(caller: Caller, items: int, key: str, whole: str) -> dict[int, Made]:
    """The items this key made before, by their place; a conflict where the body was another."""
    places = {own_key(key, index): index for index in range(items)}
    found = find_made([(caller.tenant_id, own) for own in places])
    made = {places[own]: one for (_, own), one in found.items()}
    if any(one.body_hash != whole for one in made.values()):
        raise IdempotencyConflictError
    return made


def own_key(key: str, index: int) -> str:
    return f"{key}#{index}"


def _line(index: int, answer: Submitted | Exception) -> Line:
    if isinstance(answer, Exception):
        return Line(index, error=answer)
    return Line(index, submitted=answer)
