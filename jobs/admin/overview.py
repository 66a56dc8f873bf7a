"""The first page: what runs, what waits, what failed, and how much was spoken today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from jobs.admin.words import code_words
from jobs.models import Job
from jobs.states import State
from tenants.admin.owned import granted, member_of
from tenants.admin.periods import start_of_today
from tenants.admin.words import badge, duration, when
from tenants.roles import Right

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

MANY = 10_000  # more than this is not counted: nobody reads the digits
LATEST_FAILURES = 8
MOST_TENANTS = 10

QUEUES = """
    SELECT q.name, q.paused, coalesce(w.workers, 0), coalesce(w.slots, 0),
           (SELECT count(*) FROM jobs_job j
             WHERE j.queue = q.name AND j.state IN ('rung', 'running')),
           (SELECT count(*) FROM (SELECT 1 FROM jobs_job j
             WHERE j.queue = q.name AND j.state = 'queued' AND j.lost_leases < 2
             LIMIT %(many)s + 1) AS head)
      FROM jobs_queue q
      LEFT JOIN (SELECT queue_id, count(*) AS workers, sum(slots) AS slots FROM jobs_worker
                  WHERE heartbeat_at > now() - %(alive)s AND drain_asked_at IS NULL
                  GROUP BY queue_id) AS w ON w.queue_id = q.name
     ORDER BY q.name"""

ENDED_TODAY = """
    SELECT state, count(*) FROM jobs_job WHERE ended_at >= %(today)s GROUP BY state"""

# Tenant by tenant, because that is how usage is indexed.
USED_TODAY = """
    SELECT t.id, t.name, u.jobs, u.characters, u.audio_seconds, u.cost_usd
      FROM tenants_tenant t
      JOIN LATERAL (SELECT count(*) AS jobs, sum(characters) AS characters,
                           sum(audio_seconds) AS audio_seconds, sum(cost_usd) AS cost_usd
                      FROM jobs_usage u WHERE u.tenant_id = t.id AND u.at >= %(today)s) AS u
        ON u.jobs > 0
     ORDER BY u.audio_seconds DESC"""


@dataclass(frozen=True, slots=True)
class Tile:
    title: str
    value: str
    state: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class QueueRow:
    name: str
    paused: bool
    workers: int
    slots: int
    running: int
    in_line: int

    @property
    def state(self) -> SafeString:
        if self.paused:
            return badge("paused", "warn")
        if not self.workers:
            return badge("no worker", "bad" if self.in_line else "plain")
        return badge("working" if self.running else "idle", "good")

    @property
    def waiting(self) -> str:
        return many(self.in_line)


@dataclass(frozen=True, slots=True)
class TenantRow:
    id: str
    name: str
    jobs: int
    characters: int
    audio_seconds: float
    cost_usd: float

    @property
    def audio(self) -> str:
        return duration(self.audio_seconds)


def many(count: int) -> str:
    return f"{MANY:,}+" if count > MANY else f"{count:,}"


def show_today(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's dashboard callback: a handful of queries, each over an index."""
    from jobs.admin.own_day import own_day  # which has this page's tiles

    if not granted(request, "jobs.view_job", Right.SEE):
        return context
    if (member := member_of(request)) is not None:
        return context | own_day(member.tenant_id)
    queues = [QueueRow(*row) for row in _rows(QUEUES, many=MANY, alive=settings.WORKER_ALIVE)]
    used = [TenantRow(*row) for row in _rows(USED_TODAY, today=start_of_today())]
    ended = dict(_rows(ENDED_TODAY, today=start_of_today()))
    return context | {
        "tiles": _tiles(queues, used, ended),
        "queues": queues,
        "tenants": used[:MOST_TENANTS],
        "failures": latest_failures(),
    }


def _tiles(queues: list[QueueRow], used: list[TenantRow], ended: dict[str, int]) -> list[Tile]:
    failed = ended.get(State.FAILED, 0)
    return [
        Tile("Running now", f"{sum(queue.running for queue in queues):,}", State.RUNNING),
        Tile("In line", many(sum(queue.in_line for queue in queues)), State.QUEUED),
        Tile("Failed today", f"{failed:,}", State.FAILED, "bad" if failed else ""),
        Tile("Done today", f"{ended.get(State.SUCCEEDED, 0):,}", State.SUCCEEDED),
        Tile("Audio today", duration(sum(row.audio_seconds for row in used))),
        Tile("Cost today", f"${sum(row.cost_usd for row in used):,.2f}"),
    ]


def latest_failures(tenant_id: UUID | None = None) -> list[dict[str, Any]]:
    """The last failures of a day, of one tenant or of all: further back there is the list."""
    since = timezone.now() - timedelta(days=1)
    failed = Job.objects.filter(state=State.FAILED, ended_at__gte=since).order_by("-ended_at")
    if tenant_id is not None:
        failed = failed.filter(tenant_id=tenant_id)
    rows = failed.select_related("tenant").only(
        "id", "tenant__name", "error_code", "error_message", "ended_at"
    )
    return [
        {"job": job, "when": when(job.ended_at), "what": code_words(job.error_code)}
        for job in rows[:LATEST_FAILURES]
    ]


def _rows(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
