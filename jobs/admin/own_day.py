"""The first page as a tenant's people see it: their own figures, and nobody's machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, Sum

from jobs.admin.overview import MANY, Tile, latest_failures, many
from jobs.models import Job, Usage
from jobs.states import FINAL, State
from tenants.admin.periods import start_of_today
from tenants.admin.words import duration

if TYPE_CHECKING:
    from uuid import UUID

AT_WORK = (State.RUNG, State.RUNNING)


def own_day(tenant_id: UUID) -> dict[str, Any]:
    return {"tiles": _tiles(tenant_id), "failures": latest_failures(tenant_id)}


def _tiles(tenant_id: UUID) -> list[Tile]:
    live, ended, used = _live(tenant_id), _ended_today(tenant_id), _used_today(tenant_id)
    running = sum(state in AT_WORK for state in live)
    failed = ended[State.FAILED]
    return [
        Tile("Running now", f"{running:,}", State.RUNNING),
        Tile("In line", many(len(live) - running), State.QUEUED),
        Tile("Failed today", f"{failed:,}", State.FAILED, "bad" if failed else ""),
        Tile("Done today", f"{ended[State.SUCCEEDED]:,}", State.SUCCEEDED),
        Tile("Audio today", duration(used["audio"])),
        Tile("Cost today", f"${used['cost']:,.2f}"),
    ]


def _live(tenant_id: UUID) -> list[str]:
    """States of what has not ended; of very many only the first."""
    unfinished = Job.objects.filter(tenant_id=tenant_id, ended_at=None)
    return list(unfinished.exclude(state=State.WAITING).values_list("state", flat=True)[: MANY + 1])


def _ended_today(tenant_id: UUID) -> dict[str, int]:
    today = Job.objects.filter(tenant_id=tenant_id, ended_at__gte=start_of_today())
    counts = {state.value: Count("id", filter=Q(state=state)) for state in FINAL}
    return today.order_by().aggregate(**counts)


def _used_today(tenant_id: UUID) -> dict[str, Any]:
    usage = Usage.objects.filter(tenant_id=tenant_id, at__gte=start_of_today())
    return usage.order_by().aggregate(
        audio=Sum("audio_seconds", default=0.0), cost=Sum("cost_usd", default=0)
    )
