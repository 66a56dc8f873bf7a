"""Fan-out: each endpoint takes up the events since its cursor, once, in the order of their commits.

An event is taken up only when every transaction before its own has ended, so that none appears
behind a cursor later. Cursor and messages move in one transaction.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from django.db import transaction

from jobs.prepared import Statement
from jobs.services.accept import new_job_id
from jobs.webhooks.events import Happened, message, message_id
from jobs.webhooks.guard import LONGEST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

ENDPOINTS = 50  # that one look serves
BITE = 200  # events that an endpoint takes up in one look

BEHIND = Statement(
    "endpoints_behind",
    ("int",),
    """
    SELECT w.id, w.tenant_id, w.url, w.events, w.cursor_transaction, w.cursor_event
      FROM jobs_endpoint w
     WHERE w.active AND EXISTS (
       SELECT 1 FROM jobs_event e
        WHERE e.tenant_id = w.tenant_id
          AND (e.transaction, e.id) > (w.cursor_transaction, w.cursor_event)
          AND e.transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
     ORDER BY w.cursor_transaction LIMIT $1 FOR UPDATE SKIP LOCKED
    """,
)

SINCE = Statement(
    "events_since",
    ("uuid", "bigint", "bigint", "int"),
    """
    SELECT e.id, e.transaction, e.name, e.number, e.data::text, e.at, e.job_id, j.kind,
           j.personality_id, j.batch_id, coalesce(j.request ->> 'webhook_url', '')
      FROM (SELECT * FROM jobs_event
             WHERE tenant_id = $1 AND (transaction, id) > ($2, $3)
               AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
             ORDER BY transaction, id LIMIT $4) e
      LEFT JOIN jobs_job j ON j.id = e.job_id
     ORDER BY e.transaction, e.id
    """,
)

PUT = Statement(
    "put_deliveries",
    (*("uuid",) * 2, "uuid[]", "bigint[]", "uuid[]", *("text[]",) * 5),
    """
    INSERT INTO jobs_delivery (endpoint_id, tenant_id, id, event, job, name, message_id, url, lane,
           body, tries)
    SELECT $1, $2, d.*, '[]'
      FROM unnest($3, $4, $5, $6, $7, $8, $9, $10)
        AS d(id, event, job, name, message_id, url, lane, body)
    ON CONFLICT (endpoint_id, event) DO NOTHING
    RETURNING id
    """,
)

MOVE = Statement(
    "move_cursor",
    ("uuid", "bigint", "bigint"),
    """
    UPDATE jobs_endpoint SET cursor_transaction = $2, cursor_event = $3 WHERE id = $1
    RETURNING id
    """,
)


class Behind(NamedTuple):
    """An endpoint with events to take up."""

    id: UUID
    tenant_id: UUID
    url: str
    events: list[str]
    transaction: int
    event: int


@transaction.atomic
def fan_out() -> bool:
    """One look. True: there may be more at once."""
    behind = [Behind(*row) for row in BEHIND.rows(ENDPOINTS)]
    most = max([_take_up(endpoint) for endpoint in behind], default=0)
    return len(behind) == ENDPOINTS or most == BITE


def _take_up(endpoint: Behind) -> int:
    rows = SINCE.rows(str(endpoint.tenant_id), endpoint.transaction, endpoint.event, BITE)
    events = [Happened(*row)._replace(data=json.loads(row[4])) for row in rows]
    if events:
        _put(endpoint, [event for event in events if _wanted(endpoint, event)])
        MOVE.row(str(endpoint.id), events[-1].transaction, events[-1].id)
    return len(events)


def _wanted(endpoint: Behind, event: Happened) -> bool:
    return event.name in endpoint.events and bool(endpoint.url or event.url)


def _put(endpoint: Behind, events: Sequence[Happened]) -> None:
    if not events:
        return
    rows: Iterable[tuple[str | int | None, ...]] = (
        (
            str(new_job_id()),
            event.id,
            str(event.job_id) if event.job_id else None,
            event.name,
            message_id(event),
            "" if endpoint.url else event.url,
            lane_of(endpoint.id, "" if endpoint.url else event.url),
            message(event),
        )
        for event in events
    )
    PUT.rows(str(endpoint.id), str(endpoint.tenant_id), *map(list, zip(*rows, strict=True)))


def lane_of(endpoint_id: UUID, url: str) -> str:
    """An endpoint, or the host that a request's own address names."""
    return f"{endpoint_id} {(urlsplit(url).hostname or '')[:LONGEST_NAME]}".strip()
