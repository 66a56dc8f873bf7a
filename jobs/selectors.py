"""Reading the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Avg, Count, F, JSONField, Q, Sum
from django.db.models.functions import Coalesce, Now

from jobs.errors import JobNotFoundError
from jobs.models import Job, Offer, Usage, Worker
from jobs.prepared import Statement
from jobs.remembered import Remembered
from jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import Field, QuerySet


def _column(field: Field[Any, Any]) -> str:
    return f"{field.column}::text" if isinstance(field, JSONField) else str(field.column)


FIELDS = Job._meta.concrete_fields  # noqa: SLF001 - Django documents it
NAMES = [str(field.attname) for field in FIELDS]
SELECT = f"SELECT {', '.join(_column(field) for field in FIELDS)} FROM jobs_job"  # noqa: S608 - ours
SHOW = Statement("show_job", ("uuid", "uuid"), f"{SELECT} WHERE id = $1 AND tenant_id = $2")
SHOW_MANY = Statement("show_jobs", ("uuid[]",), f"{SELECT} WHERE id = ANY($1)")


@dataclass(frozen=True, slots=True)
class EngineOffer:
    engine: str
    queue: str
    capabilities: dict[str, Any]
    asleep: bool


def tenant_jobs(tenant_id: UUID) -> QuerySet[Job]:
    return Job.objects.filter(tenant_id=tenant_id)


def tenant_job(tenant_id: UUID, job_id: UUID) -> Job:
    """Another tenant's job is as good as none."""
    row = SHOW.row(str(job_id), str(tenant_id))
    if row is None:
        raise JobNotFoundError
    return _job(row)


def jobs_by_id(job_ids: Sequence[UUID]) -> dict[UUID, Job]:
    """Jobs the caller has just been given, whosever they are."""
    found = (_job(row) for row in SHOW_MANY.rows(list(job_ids))) if job_ids else ()
    return {job.id: job for job in found}


def _job(row: tuple[Any, ...]) -> Job:
    return Job.from_db("default", NAMES, [_value(*pair) for pair in zip(FIELDS, row, strict=True)])


def _value(field: Field[Any, Any], value: Any) -> Any:
    return json.loads(value) if isinstance(field, JSONField) and value is not None else value


def engine_offers() -> list[EngineOffer]:
    """Every engine ever announced, and whether a worker with it is alive."""
    awake = {(engine, worker.queue_id) for worker in _alive() for engine in worker.engines}
    return [
        EngineOffer(
            offer.engine,
            offer.queue_id,
            offer.capabilities,
            (offer.engine, offer.queue_id) not in awake,
        )
        for offer in Offer.objects.order_by("engine", "queue")
    ]


def warnings_about(job: Job) -> list[str]:
    """What whoever waits for a job should know."""
    if job.state not in {State.QUEUED, State.RUNG} or job.queue in awake_queues():
        return []
    return [f"No worker on {job.queue} is awake; the job waits for one."]


_awake: Remembered[frozenset[str]] = Remembered()


def awake_queues() -> frozenset[str]:
    """The hardware classes with a worker alive."""
    return _awake.get("all", lambda: frozenset(_alive().values_list("queue_id", flat=True)))


def forget_awake_queues() -> None:
    """See a change of this process at once."""
    _awake.forget()


def _alive() -> QuerySet[Worker]:
    fresh = Now() - settings.WORKER_ALIVE
    return Worker.objects.filter(heartbeat_at__gt=fresh, drain_asked_at=None)


def jobs_in_batch(tenant_id: UUID, batch_id: UUID) -> dict[str, int]:
    """How many of a batch's jobs are in each state."""
    rows = (
        tenant_jobs(tenant_id)
        .filter(batch_id=batch_id)
        .values_list("state")
        .annotate(jobs=Count("id"))
        .order_by("state")
    )
    return dict(rows)


def live_job_ids(job_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these jobs have not ended."""
    return set(Job.objects.filter(id__in=list(job_ids), ended_at=None).values_list("id", flat=True))


def usage_by_day(tenant_id: UUID, *, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """What a tenant used, by day and provider."""
    rows = (
        Usage.objects.filter(tenant_id=tenant_id, at__gte=since, at__lt=until)
        .values("at__date", "provider")
        .annotate(
            jobs=Count("id"),
            characters=Sum("characters"),
            audio_seconds=Sum("audio_seconds"),
            cost_usd=Sum("cost_usd"),
            cached_jobs=Count("id", filter=Q(cached=True)),
        )
        .order_by("at__date", "provider")
    )
    return [dict(row) for row in rows]


LATENCIES = 1_000  # of a personality's latest jobs are averaged


def usage_of_personality(tenant_id: UUID, label: str, *, since: datetime) -> dict[str, Any]:
    """What was spoken under this label: how often, how long, how fast, and what was known before.

    `latency` is from a job's acceptance to its end; None where there was no job.
    """
    rows = Usage.objects.filter(tenant_id=tenant_id, personality_id=label, at__gte=since)
    latest = rows.order_by("-at").values("job_id")[:LATENCIES]
    taken = Avg(F("ended_at") - F("created_at"))
    spans = Job.objects.filter(id__in=latest).aggregate(latency=taken)
    return spans | rows.aggregate(
        jobs=Count("id"),
        cached_jobs=Count("id", filter=Q(cached=True)),
        audio_seconds=Coalesce(Sum("audio_seconds"), 0.0),
    )
