"""Submitting speech: once per idempotency key, and no more than may wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.errors import IdempotencyConflictError
from jobs.patience import LEDGER_AWAY
from jobs.pressure import check_pressure
from jobs.services.accept import find_made
from voices.accepting import Submitted, accept_all
from voices.preparing import Prepared, prepare_synthesis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from jobs.services.accept import Made
    from tenants.callers import Caller
    from voices.requests import SynthesisRequest


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, who asks, and the key under which it is to be accepted once.

    `draft`: a voice of the tenant's own is to speak as its draft does.
    """

    caller: Caller
    request: SynthesisRequest
    idempotency_key: str | None = None
    body_hash: str = ""
    draft: bool = False


def submit_synthesis(ask: Ask) -> Submitted:
    """Accept the request, once per idempotency key. What was said before is not said again."""
    [answer] = submit_each([ask])
    if isinstance(answer, Exception):
        raise answer
    return answer


def submit_each(asks: Sequence[Ask]) -> list[Submitted | Exception]:
    """An answer or an error for each, in order: requests that came at one time share their commit.

    What is wrong with one is no other's trouble. Where the ledger is away, that is raised.
    """
    made = find_made(
        [(ask.caller.tenant_id, ask.idempotency_key) for ask in asks if ask.idempotency_key]
    )
    begun = [_begin(ask, made) for ask in asks]
    accepted = iter(_accept_each([one for one in begun if isinstance(one, Prepared)]))
    return [next(accepted) if isinstance(one, Prepared) else one for one in begun]


def _begin(ask: Ask, made: Mapping[tuple[UUID, str], Made]) -> Prepared | Submitted | Exception:
    try:
        return _replay(ask, made) or _prepare(ask)
    except LEDGER_AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - its own answer says what it is
        return error


def _replay(ask: Ask, made: Mapping[tuple[UUID, str], Made]) -> Submitted | None:
    """What this key made before of the same body, whatever would be said of it now."""
    before = made.get((ask.caller.tenant_id, ask.idempotency_key or ""))
    if before is None:
        return None
    if before.body_hash != ask.body_hash:
        raise IdempotencyConflictError
    return Submitted(before.job_id, replayed=True)


def _prepare(ask: Ask) -> Prepared:
    caller = ask.caller
    prepared = prepare_synthesis(
        caller,
        ask.request,
        draft=ask.draft,
        idempotency_key=ask.idempotency_key,
        body_hash=ask.body_hash,
    )
    check_pressure(tenant_id=caller.tenant_id, ceiling=caller.max_queued)
    return prepared


def _accept_each(prepared: Sequence[Prepared]) -> Sequence[Submitted | Exception]:
    """All together; where that fails each alone, for the one at fault must learn of it."""
    if not prepared:
        return []
    try:
        return accept_all(prepared)
    except LEDGER_AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - its own answer says what it is
        if len(prepared) == 1:
            return [error]
        return [answer for one in prepared for answer in _accept_each([one])]
