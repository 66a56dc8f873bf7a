"""Messages on their way: which are due, who sends them, what became of each, and once more."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from jobs.prepared import Statement
from jobs.tallies import count, observe
from jobs.webhooks import retries
from jobs.webhooks.endpoints import note_failure, note_success
from jobs.webhooks.errors import DeliveryNotFoundError, WebhookInactiveError
from jobs.webhooks.models import Delivery
from jobs.webhooks.sending import Letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from jobs.webhooks.sending import Answer

LEASE_MARGIN = 5.0  # seconds beyond the longest try before another sender may take a message
TENANT_SHARE = 4  # a tenant has no more than one in so many of all senders
TRIES_KEPT = 20
OUTCOMES = {
    Delivery.State.DELIVERED: "delivered",
    Delivery.State.PENDING: "retry",
    Delivery.State.FAILED: "failed",
}
SUPERSEDED = "superseded"  # another sender had taken it up meanwhile

# Lanes with something pending, each found by one step through the index; then what is due in each.
DUE = Statement(
    "deliveries_due",
    ("int",),
    """
    WITH RECURSIVE lane AS (
      (SELECT lane, endpoint_id FROM jobs_delivery WHERE state = 'pending' ORDER BY lane LIMIT 1)
      UNION ALL
      SELECT next.lane, next.endpoint_id FROM lane, LATERAL (
        SELECT d.lane, d.endpoint_id FROM jobs_delivery d
         WHERE d.state = 'pending' AND d.lane > lane.lane ORDER BY d.lane LIMIT 1) AS next)
    SELECT due.id, lane.lane, due.tenant_id
      FROM lane JOIN jobs_endpoint w ON w.id = lane.endpoint_id AND w.active, LATERAL (
        SELECT d.id, d.tenant_id, d.due_at FROM jobs_delivery d
         WHERE d.state = 'pending' AND d.lane = lane.lane AND d.due_at <= now()
         ORDER BY d.due_at LIMIT $1) AS due
     ORDER BY due.due_at
    """,
)

CLAIM = Statement(
    "claim_deliveries",
    ("uuid[]", "interval"),
    """
    WITH free AS (
      SELECT id FROM jobs_delivery
       WHERE id = ANY($1) AND state = 'pending' AND due_at <= now() FOR UPDATE SKIP LOCKED)
    UPDATE jobs_delivery d SET due_at = now() + $2, fence = fence + 1
      FROM free, jobs_endpoint w
     WHERE d.id = free.id AND w.id = d.endpoint_id AND w.active
    RETURNING d.id, d.endpoint_id, d.tenant_id, d.job, d.lane, d.fence, d.tried, d.name,
              CASE WHEN d.url = '' THEN w.url ELSE d.url END, d.message_id, d.body, w.secret,
              CASE WHEN w.old_secret_until > now() THEN w.old_secret ELSE '' END
    """,
)

NOTE = Statement(
    "note_try",
    ("uuid", "int", "text", "float8", "jsonb"),
    """
    UPDATE jobs_delivery
       SET state = $3, tried = tried + 1, tries = tries || $5,
           due_at = now() + make_interval(secs => coalesce($4, 0)),
           ended_at = CASE WHEN $3 = 'pending' THEN NULL ELSE now() END
     WHERE id = $1 AND fence = $2 AND state = 'pending'
    RETURNING id
    """,
)


class Due(NamedTuple):
    id: UUID
    lane: str
    tenant_id: UUID


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message this process sends, under the fence it must show when it notes the answer."""

    id: UUID
    endpoint_id: UUID
    tenant_id: UUID
    job_id: UUID | None
    lane: str
    fence: int
    tried: int
    name: str
    letter: Letter


def claim_due(busy: Iterable[Claimed]) -> list[Claimed]:
    """What is due and within every bound beside what is being sent already, for one lease."""
    chosen = _choose([Due(*row) for row in DUE.rows(settings.WEBHOOK_PER_RECEIVER)], busy)
    if not chosen:
        return []
    lease = timedelta(seconds=settings.WEBHOOK_SECONDS + LEASE_MARGIN)
    return [_claimed(*row) for row in CLAIM.rows([str(one.id) for one in chosen], lease)]


def _claimed(*row: Any) -> Claimed:
    *whose, url, message_id, body, secret, old_secret = row
    secrets = [one for one in (secret, old_secret) if one]
    return Claimed(*[*whose, Letter(url, message_id, body, secrets)])


def _choose(due: Sequence[Due], busy: Iterable[Claimed]) -> list[Due]:
    """No receiver and no tenant takes all senders: one that hangs delays nobody else."""
    busy = list(busy)
    lanes = Counter(sent.lane for sent in busy)
    tenants = Counter(sent.tenant_id for sent in busy)
    chosen: list[Due] = []
    share = max(1, settings.WEBHOOK_SENDERS // TENANT_SHARE)
    room = settings.WEBHOOK_SENDERS - len(busy)
    for one in due:
        open_lane = lanes[one.lane] < settings.WEBHOOK_PER_RECEIVER
        if open_lane and tenants[one.tenant_id] < share and len(chosen) < room:
            chosen.append(one)
            lanes[one.lane] += 1
            tenants[one.tenant_id] += 1
    return chosen


@transaction.atomic
def note_answers(answered: Sequence[tuple[Claimed, Answer]]) -> None:
    """What came of each try, in one transaction; endpoints in one order, for two may do this."""
    for claimed, answer in sorted(answered, key=lambda one: (one[0].endpoint_id, one[0].id)):
        _note(claimed, answer)


def _note(claimed: Claimed, answer: Answer) -> None:
    state, wait = _outcome(claimed, answer)
    tried = json.dumps([_told(answer, wait)])
    noted = NOTE.row(str(claimed.id), claimed.fence, state.value, wait, tried) is not None
    transaction.on_commit(partial(_count, OUTCOMES[state] if noted else SUPERSEDED, answer))
    if not noted:
        return
    if state is Delivery.State.DELIVERED:
        note_success(claimed.endpoint_id)
    else:
        note_failure(claimed.endpoint_id, gone=retries.is_gone(answer.status))


def _count(outcome: str, answer: Answer) -> None:
    count("voicemill_webhook_attempts_total", outcome=outcome)
    observe("voicemill_webhook_seconds", answer.milliseconds / 1000)


def _outcome(claimed: Claimed, answer: Answer) -> tuple[Delivery.State, float | None]:
    if retries.is_delivered(answer.status):
        return Delivery.State.DELIVERED, None
    if retries.is_gone(answer.status):
        return Delivery.State.FAILED, None
    delays = retries.delays_for(claimed.name, settings.WEBHOOK_RETRY_SECONDS)
    wait = retries.delay(delays, claimed.tried + 1, answer.retry_after)
    return (Delivery.State.FAILED if wait is None else Delivery.State.PENDING), wait


def _told(answer: Answer, wait: float | None) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "milliseconds": answer.milliseconds,
        "status": answer.status,
        "error": answer.error,
        "answer": answer.text,
        "next_in_seconds": wait and round(wait, 1),
    }


def tenant_delivery(tenant_id: UUID, delivery_id: UUID) -> Delivery:
    """Another tenant's is as good as none."""
    found = Delivery.objects.filter(id=delivery_id, tenant_id=tenant_id)
    if (delivery := found.select_related("endpoint").first()) is None:
        raise DeliveryNotFoundError
    return delivery


def replay(delivery: Delivery) -> None:
    """Send it again, now, under its old id and with all its tries; one on its way stays there."""
    if not delivery.endpoint.active:
        raise WebhookInactiveError
    Delivery.objects.filter(id=delivery.id).exclude(state=Delivery.State.PENDING).update(
        state=Delivery.State.PENDING,
        due_at=Now(),
        tried=0,
        ended_at=None,
        tries=delivery.tries[-TRIES_KEPT:],
    )
