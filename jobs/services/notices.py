"""Events that are of no job: a tenant is told of its limits, and of its voices."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction

from jobs.prepared import Statement
from jobs.wire import hint_events

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

LIMIT_REACHED = "limit.reached"
NOTICES = (LIMIT_REACHED, "voice.ready", "voice.failed")
LIMIT_AGAIN = timedelta(hours=1)  # that a tenant still comes up against a limit is no news before

TELL = Statement(
    "tell_tenant",
    ("uuid", "text", "jsonb"),
    """
    INSERT INTO jobs_event (tenant_id, number, name, data) VALUES ($1, 0, $2, $3)
    RETURNING tenant_id
    """,
)
TELL_ONCE = Statement(
    "tell_tenant_once",
    ("uuid", "text", "text", "interval", "jsonb"),
    """
    WITH due AS (
      INSERT INTO jobs_notice AS n (tenant_id, name, subject) VALUES ($1, $2, $3)
      ON CONFLICT (tenant_id, name, subject) DO UPDATE SET at = now() WHERE n.at < now() - $4
      RETURNING tenant_id)
    INSERT INTO jobs_event (tenant_id, number, name, data)
    SELECT tenant_id, 0, $2, $5 FROM due
    RETURNING tenant_id
    """,
)


def tell_tenant(tenant_id: UUID, name: str, data: Mapping[str, Any]) -> None:
    """An event of the tenant's, in the transaction that makes it true."""
    TELL.row(str(tenant_id), name, json.dumps(data))
    transaction.on_commit(partial(hint_events, ("", tenant_id)))


def tell_limit_reached(tenant_id: UUID, limit: str, most: int) -> bool:
    """Whether it was told: it is not where the tenant heard of it within the hour."""
    data = json.dumps({"limit": limit, "most": most})
    told = TELL_ONCE.row(str(tenant_id), LIMIT_REACHED, limit, LIMIT_AGAIN, data)
    if told is not None:
        transaction.on_commit(partial(hint_events, ("", tenant_id)))
    return told is not None
