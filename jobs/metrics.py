"""How the fleet stands, out of the ledger, in Prometheus' text format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from jobs.prepared import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MOST = 20_000  # jobs looked at per queue and index: a scrape's time must not grow with a flood

# Each branch walks one partial index (job_head, job_suspect, job_flight), and stops at $1.
LIVE = Statement(
    "metrics_live",
    ("int",),
    """
    SELECT q.name, j.state, j.kind, count(*), sum(j.cost),
           extract(epoch FROM now() - min(j.created_at))::float8
      FROM jobs_queue q CROSS JOIN LATERAL (
        (SELECT state, kind, cost, created_at FROM jobs_job
          WHERE queue = q.name AND state = 'queued' AND lost_leases < 2 LIMIT $1)
        UNION ALL
        (SELECT state, kind, cost, created_at FROM jobs_job
          WHERE queue = q.name AND state = 'queued' AND lost_leases >= 2 LIMIT $1)
        UNION ALL
        (SELECT state, kind, cost, created_at FROM jobs_job
          WHERE queue = q.name AND state IN ('rung', 'running') LIMIT $1)) j
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """,
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
HELP = {
    "voicemill_jobs": "Live jobs that are queued, rung or running.",
    "voicemill_queue_seconds": "Expected seconds of work that is queued or rung.",
    "voicemill_queue_depth": "Jobs queued or rung.",
    "voicemill_queue_oldest_seconds": "Age of the oldest job queued or rung.",
    "voicemill_queue_slots": "Slots of workers alive that were not asked to drain.",
    "voicemill_queue_slots_used": "Jobs running.",
    "voicemill_workers": "Workers alive that were not asked to drain.",
}


class Gauges:
    """Values by name and labels; those of one name and labels add up."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, float]] = {name: {} for name in HELP}

    def add(self, name: str, value: float, **labels: str) -> None:
        key = _written(labels)
        self.values[name][key] = self.values[name].get(key, 0.0) + value

    def top(self, name: str, value: float, **labels: str) -> None:
        """The largest of all, where there are several."""
        key = _written(labels)
        self.values[name][key] = max(self.values[name].get(key, 0.0), value)

    def lines(self) -> Iterator[str]:
        for name, values in self.values.items():
            yield f"# HELP {name} {HELP[name]}"
            yield f"# TYPE {name} gauge"
            for labels, value in values.items():
                yield f"{name}{{{labels}}} {value:.10g}"


def tell_metrics() -> str:
    """Raises DatabaseError where the ledger is away. No tenant is named."""
    gauges = Gauges()
    for queue, workers, slots in WORKERS.rows(settings.WORKER_ALIVE):
        gauges.add("voicemill_workers", workers, queue=queue)
        gauges.add("voicemill_queue_slots", float(slots), queue=queue)
        for name in ("seconds", "depth", "oldest_seconds", "slots_used"):
            gauges.add(f"voicemill_queue_{name}", 0.0, queue=queue)  # zero is said, not left out
    _add_jobs(gauges, LIVE.rows(MOST))
    return "\n".join(gauges.lines()) + "\n"


def _add_jobs(gauges: Gauges, rows: Iterable[tuple[str, str, str, int, float, float]]) -> None:
    for queue, state, kind, jobs, cost, age in rows:
        gauges.add("voicemill_jobs", jobs, state=state, kind=kind)
        if state == "running":
            gauges.add("voicemill_queue_slots_used", jobs, queue=queue)
            continue
        gauges.add("voicemill_queue_depth", jobs, queue=queue)
        gauges.add("voicemill_queue_seconds", cost, queue=queue)
        gauges.top("voicemill_queue_oldest_seconds", age, queue=queue)


def _written(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
