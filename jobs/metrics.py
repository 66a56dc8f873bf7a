"""How the fleet stands at this moment, out of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from jobs.prepared import Statement
from jobs.tallies import written

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 20_000  # jobs looked at per queue and index: a scrape's time must not grow with a flood
SILENT_TOLD = 20  # times the span in which a worker counts as alive; then it is told no more
MOST_WORKERS = 1_000

# Each branch walks one partial index (job_head, job_suspect, job_flight), and stops at $1.
LIVE_JOBS = """
    (SELECT state, kind, cost, created_at FROM jobs_job
      WHERE queue = q.name AND state = 'queued' AND lost_leases < 2 LIMIT $1)
    UNION ALL
    (SELECT state, kind, cost, created_at FROM jobs_job
      WHERE queue = q.name AND state = 'queued' AND lost_leases >= 2 LIMIT $1)
    UNION ALL
    (SELECT state, kind, cost, created_at FROM jobs_job
      WHERE queue = q.name AND state IN ('rung', 'running') LIMIT $1)"""

LIVE = Statement(
    "metrics_live",
    ("int",),
    f"""
    SELECT q.name, j.state, j.kind, count(*), sum(j.cost),
           extract(epoch FROM now() - min(j.created_at))::float8
      FROM jobs_queue q CROSS JOIN LATERAL ({LIVE_JOBS}) AS j
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """,  # noqa: S608 - the fragment holds names only
)
WORKERS = Statement(
    "metrics_workers",
    ("interval",),
    """
    SELECT q.name, count(w.name), coalesce(sum(w.slots), 0)
      FROM jobs_queue q
      LEFT JOIN jobs_worker w ON w.queue_id = q.name AND w.heartbeat_at > now() - $1
           AND w.drain_asked_at IS NULL
     GROUP BY 1 ORDER BY 1
    """,
)
EACH_WORKER = Statement(
    "metrics_each_worker",
    ("interval", "int"),
    """
    SELECT name, queue_id, greatest(0, extract(epoch FROM now() - heartbeat_at))::float8,
           memory_mb, drain_asked_at IS NOT NULL
      FROM jobs_worker WHERE heartbeat_at > now() - $1 ORDER BY name LIMIT $2
    """,
)
PAUSED = Statement("metrics_paused", (), "SELECT name, paused FROM jobs_queue ORDER BY 1")
# An endpoint that is switched off keeps its messages, and none of them is due.
DELIVERIES = Statement(
    "metrics_deliveries",
    ("int",),
    """
    SELECT count(*), count(*) FILTER (WHERE late >= 0 AND w.active),
           coalesce(max(late) FILTER (WHERE late >= 0 AND w.active), 0)
      FROM (SELECT endpoint_id, extract(epoch FROM now() - due_at)::float8 AS late
              FROM jobs_delivery WHERE state = 'pending' LIMIT $1) AS pending
      JOIN jobs_endpoint w ON w.id = endpoint_id
    """,
)
DISABLED = Statement(
    "metrics_disabled",
    (),
    """
    SELECT reason, count(w.id) FROM unnest(ARRAY['failing', 'gone']) AS reason
      LEFT JOIN jobs_endpoint w ON NOT w.active AND w.disabled_reason = reason
     GROUP BY 1 ORDER BY 1
    """,
)
CONNECTIONS = Statement(
    "metrics_connections",
    (),
    "SELECT sum(numbackends), current_setting('max_connections')::int FROM pg_stat_database",
)


class Gauges:
    """Values by name and labels; those of one name and labels add up."""

    def __init__(self) -> None:
        self.queues: list[str] = []
        self.values: dict[str, dict[str, float]] = {}

    def add(self, name: str, value: float, **labels: str) -> None:
        values, key = self._place(name, labels)
        values[key] = values.get(key, 0.0) + value

    def top(self, name: str, value: float, **labels: str) -> None:
        """The largest of all, where there are several."""
        values, key = self._place(name, labels)
        values[key] = max(values.get(key, 0.0), value)

    def _place(self, name: str, labels: dict[str, str]) -> tuple[dict[str, float], str]:
        return self.values.setdefault(f"voicemill_{name}", {}), written(labels)


def read_gauges() -> Gauges:
    """Raises DatabaseError where the ledger is away."""
    gauges = Gauges()
    for queue, workers, slots in WORKERS.rows(settings.WORKER_ALIVE):
        gauges.queues.append(queue)
        gauges.add("workers", workers, queue=queue)
        gauges.add("queue_slots", float(slots), queue=queue)
        for name in ("seconds", "depth", "oldest_seconds", "slots_used"):
            gauges.add(f"queue_{name}", 0.0, queue=queue)  # zero is said, not left out
    for queue, paused in PAUSED.rows():
        gauges.add("queue_paused", paused, queue=queue)
    _add_jobs(gauges, LIVE.rows(MOST))
    _add_each_worker(gauges)
    _add_webhooks(gauges)
    for used, most in CONNECTIONS.rows():
        gauges.add("database_connections", float(used))
        gauges.add("database_connections_max", most)
    return gauges


def _add_jobs(gauges: Gauges, rows: Iterable[tuple[str, str, str, int, float, float]]) -> None:
    for queue, state, kind, jobs, cost, age in rows:
        gauges.add("jobs", jobs, state=state, kind=kind)
        if state == "running":
            gauges.add("queue_slots_used", jobs, queue=queue)
            continue
        gauges.add("queue_depth", jobs, queue=queue)
        gauges.add("queue_seconds", cost, queue=queue)
        gauges.top("queue_oldest_seconds", age, queue=queue)


def _add_each_worker(gauges: Gauges) -> None:
    told = settings.WORKER_ALIVE * SILENT_TOLD
    for worker, queue, age, memory_mb, draining in EACH_WORKER.rows(told, MOST_WORKERS):
        gauges.add("worker_heartbeat_age_seconds", age, worker=worker, queue=queue)
        gauges.add("worker_memory_bytes", memory_mb * 2**20, worker=worker, queue=queue)
        gauges.add("worker_draining", draining, worker=worker, queue=queue)


def _add_webhooks(gauges: Gauges) -> None:
    for pending, due, late in DELIVERIES.rows(MOST):
        gauges.add("webhook_deliveries", pending, state="pending")
        gauges.add("webhook_deliveries", due, state="due")
        gauges.add("webhook_oldest_due_seconds", late)
    for reason, endpoints in DISABLED.rows():
        gauges.add("webhook_endpoints_disabled", endpoints, reason=reason)
