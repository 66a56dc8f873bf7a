"""Tenants: who runs and waits how much, against the share that is theirs; and what they spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.html import format_html

from jobs.prepared import Statement
from jobs.remembered import Remembered
from tenants.admin.periods import start_of_today
from tenants.admin.words import duration

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from django.utils.safestring import SafeString

MOST_LANES = 8  # tenants shown of each hardware class
COUNTED = 500  # of a tenant's jobs in line; nobody reads the digits
MOST_SPENDERS = 12
SPENT_EVERY = 30.0  # seconds

# Who has something running comes first, and then who is served next. Only their lines are counted.
SHARES = Statement(
    "operations_shares",
    ("int", "int"),
    """
    WITH flight AS MATERIALIZED (
      SELECT queue, tenant_id, count(*) FILTER (WHERE state = 'running') AS running,
             count(*) FILTER (WHERE state = 'rung') AS rung
        FROM jobs_job WHERE state IN ('rung', 'running') GROUP BY 1, 2),
    lane AS MATERIALIZED (
      SELECT coalesce(l.queue_id, f.queue) AS queue, coalesce(l.tenant_id, f.tenant_id) AS tenant,
             coalesce(f.running, 0) AS running, coalesce(f.rung, 0) AS rung, l.position
        FROM (SELECT * FROM jobs_lane WHERE ready) AS l
        FULL JOIN flight f ON f.queue = l.queue_id AND f.tenant_id = l.tenant_id),
    known AS MATERIALIZED (
      SELECT lane.*, t.name, coalesce(t.weight, tier.weight) AS weight,
             coalesce(t.max_running, tier.max_running) AS most,
             sum(coalesce(t.weight, tier.weight)) OVER each AS weights,
             sum(running) OVER each AS all_running, count(*) OVER each AS tenants,
             row_number() OVER (PARTITION BY queue ORDER BY running DESC, rung DESC, position)
               AS place
        FROM lane JOIN tenants_tenant t ON t.id = lane.tenant
        JOIN tenants_tier tier ON tier.slug = t.tier_id
      WINDOW each AS (PARTITION BY queue))
    SELECT known.queue, known.tenant, known.name, known.running::int, known.most,
           (known.rung + line.jobs)::int, line.seconds,
           known.running / nullif(known.all_running, 0)::float8,
           known.weight / known.weights, known.tenants::int
      FROM known CROSS JOIN LATERAL (
        SELECT count(*) AS jobs, coalesce(sum(cost), 0) AS seconds
          FROM (SELECT cost FROM jobs_job j
                 WHERE j.queue = known.queue AND j.tenant_id = known.tenant
                   AND j.state = 'queued' AND j.lost_leases < 2 LIMIT $2) AS head) AS line
     WHERE known.place <= $1 ORDER BY known.queue, known.place
    """,
)

# Tenant by tenant, because that is how usage is indexed.
SPENT = Statement(
    "operations_spent",
    ("timestamptz", "int"),
    """
    SELECT t.id, t.name, coalesce(u.hour_audio, 0), coalesce(u.hour_cost, 0), u.audio, u.cost
      FROM tenants_tenant t
      JOIN LATERAL (
        SELECT count(*) AS jobs, sum(audio_seconds) AS audio, sum(cost_usd) AS cost,
               sum(audio_seconds) FILTER (WHERE at > now() - interval '1 hour') AS hour_audio,
               sum(cost_usd) FILTER (WHERE at > now() - interval '1 hour') AS hour_cost
          FROM jobs_usage WHERE tenant_id = t.id AND at >= $1) AS u ON u.jobs > 0
     ORDER BY u.cost DESC, u.audio DESC LIMIT $2
    """,
)


@dataclass(frozen=True, slots=True)
class Share:
    """A tenant on a hardware class."""

    queue: str
    tenant_id: UUID
    name: str
    running: int
    most_running: int
    waiting: int
    seconds: float
    has: float | None
    fair: float
    tenants: int

    @property
    def in_line(self) -> str:
        return f"{COUNTED:,}+" if self.waiting >= COUNTED else f"{self.waiting:,}"

    @property
    def work(self) -> str:
        return duration(self.seconds)

    @property
    def others(self) -> int:
        return max(0, self.tenants - MOST_LANES)

    @property
    def bar(self) -> SafeString:
        """What it has of what runs, and a mark where its fair share ends."""
        return format_html(
            '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
            '<rect class="vm-room" y="2" width="100" height="6" rx="1"/>'
            '<rect class="vm-has" y="2" width="{}" height="6" rx="1"/>'
            '<path class="vm-fair" d="M{} 0v10" vector-effect="non-scaling-stroke"/></svg>',
            f"{(self.has or 0) * 100:.1f}",
            f"{self.fair * 100:.1f}",
        )

    @property
    def percent(self) -> str:
        return "-" if self.has is None else f"{self.has:.0%}"

    @property
    def fair_percent(self) -> str:
        return f"{self.fair:.0%}"


@dataclass(frozen=True, slots=True)
class Spender:
    """What a tenant spent: this hour and today."""

    tenant_id: UUID
    name: str
    hour_audio: float
    hour_cost: Decimal
    audio: float
    cost: Decimal

    @property
    def audio_this_hour(self) -> str:
        return duration(self.hour_audio)

    @property
    def audio_today(self) -> str:
        return duration(self.audio)


def read_shares() -> dict[str, list[Share]]:
    """By hardware class; the first of each, with how many there are."""
    found: dict[str, list[Share]] = {}
    for row in SHARES.rows(MOST_LANES, COUNTED):
        share = Share(*row)
        found.setdefault(share.queue, []).append(share)
    return found


_spenders: Remembered[list[Spender]] = Remembered(fresh=SPENT_EVERY)


def read_spenders() -> list[Spender]:
    """Today's usage is long by the evening: it is added up once in a while."""
    today = start_of_today()
    return _spenders.get(today, lambda: [Spender(*row) for row in SPENT.rows(today, MOST_SPENDERS)])


def forget_spenders() -> None:
    _spenders.forget()
