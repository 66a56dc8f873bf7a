"""How each queue stood, kept for some days: what the operator's page draws."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from jobs.measures import Sample
from jobs.metrics import LIVE_JOBS, MOST
from jobs.models import Queue
from jobs.prepared import Statement

SAMPLE_EVERY = timedelta(seconds=15)
LOOKS = SAMPLE_EVERY.total_seconds() / 3  # a look that comes a little late still finds its moment
SAMPLES_DAYS = 7

# One statement, and no more than a glance where the moment has its sample. Whichever of two
# dispatchers comes first writes it.
TAKE = Statement(
    "take_samples",
    ("int", "interval", "interval"),
    f"""
    WITH moment AS MATERIALIZED (SELECT date_bin($3, now(), timestamptz 'epoch') AS at),
    q AS MATERIALIZED (
      SELECT name, at FROM jobs_queue, moment
       WHERE NOT EXISTS (SELECT 1 FROM jobs_sample s WHERE s.queue_id = name AND s.at = moment.at))
    INSERT INTO jobs_sample
           (queue_id, at, depth, seconds, oldest, running, slots, done, failed, waits)
    SELECT q.name, q.at, line.depth, line.seconds, line.oldest, line.running, room.slots,
           ended.done, ended.failed, waits.by_seconds
      FROM q
     CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE state <> 'running') AS depth,
              coalesce(sum(cost) FILTER (WHERE state <> 'running'), 0) AS seconds,
              coalesce(extract(epoch FROM
                now() - min(created_at) FILTER (WHERE state <> 'running')), 0) AS oldest,
              count(*) FILTER (WHERE state = 'running') AS running
         FROM ({LIVE_JOBS}) AS j) AS line
     CROSS JOIN LATERAL (
       SELECT coalesce(sum(slots), 0) AS slots FROM jobs_worker w
        WHERE w.queue_id = q.name AND w.heartbeat_at > now() - $2 AND w.drain_asked_at IS NULL
     ) AS room
     CROSS JOIN LATERAL (
       SELECT coalesce(sum(value) FILTER (WHERE labels LIKE '%state="succeeded"'), 0) AS done,
              coalesce(sum(value) FILTER (WHERE labels LIKE '%state="failed"'), 0) AS failed
         FROM jobs_tally
        WHERE name = 'voicemill_jobs_ended_total'
          AND starts_with(labels, format('queue="%s",', q.name))) AS ended
     CROSS JOIN LATERAL (
       SELECT coalesce(jsonb_object_agg(substring(labels FROM 'le="(.*)"'), value), '{{}}')
              AS by_seconds
         FROM jobs_tally
        WHERE name = 'voicemill_wait_seconds_bucket'
          AND starts_with(labels, format('queue="%s",', q.name))) AS waits
     ORDER BY q.name
    ON CONFLICT (queue_id, at) DO NOTHING
    RETURNING queue_id
    """,  # noqa: S608 - the fragment holds names only
)


def take_samples() -> int:
    """How each queue stands at this moment, unless that is written. How many were written."""
    return len(TAKE.rows(MOST, settings.WORKER_ALIVE, SAMPLE_EVERY))


def forget_samples(*, dry_run: bool = False) -> int:
    """They are kept for a week."""
    old = Sample.objects.filter(
        queue__in=Queue.objects.all(), at__lt=Now() - timedelta(days=SAMPLES_DAYS)
    )
    return old.count() if dry_run else old.delete()[0]
