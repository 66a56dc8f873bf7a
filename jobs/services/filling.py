"""Filling a queue's window by weighted fair share. The statement stays flat at a million jobs."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings
from django.db import connection

from jobs.bell import Ring
from jobs.models import Queue
from jobs.prepared import Statement

BITE = 64  # jobs one fill rings at most

# Tenants are served in order of how much of their share they have had: a lane's position, or the
# queue's clock for a lane that was idle, so that idling earns no credit. Only as many lanes as
# there is room can hold the next jobs, so a fill reads that many lanes and that many heads of each.
# Two dispatchers: the queue's row is locked, and a fill whose snapshot is older than the last one
# rings nothing, for it has not seen what is in flight.
# A fill does not wait for the disk. If the server falls before it is written, the jobs are queued
# again and filled again, and a bell rung meanwhile claims its job from `queued`. A claim does wait,
# and takes every fill before it to the disk: were it forgotten, two could work under one fence.
FILL = Statement(
    "fill_queue",
    ("text", "int", "float8", "interval"),
    """
    WITH hasty AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
    queue AS MATERIALIZED (
      SELECT clock, pg_visible_in_snapshot(filled_by::text::xid8, pg_current_snapshot()) AS current,
             (SELECT coalesce(sum(slots), 0) FROM jobs_worker w WHERE w.queue_id = $1
                 AND w.drain_asked_at IS NULL AND w.heartbeat_at > now() - $4) AS slots
        FROM jobs_queue WHERE name = $1 AND NOT paused FOR UPDATE SKIP LOCKED),
    flight AS MATERIALIZED (
      SELECT tenant_id, count(*) AS jobs FROM jobs_job
       WHERE queue = $1 AND state IN ('rung', 'running') GROUP BY tenant_id),
    room AS MATERIALIZED (
      SELECT CASE WHEN queue.current THEN greatest(0, least($2,
               ceil(queue.slots * (1 + $3)) - coalesce((SELECT sum(jobs) FROM flight), 0)))::int
             ELSE 0 END AS free
        FROM queue),
    lane AS MATERIALIZED (
      SELECT l.tenant_id, greatest(l.position, queue.clock) AS position,
             coalesce(t.weight, tier.weight) AS weight,
             coalesce(t.max_running, tier.max_running) - coalesce(flight.jobs, 0) AS quota
        FROM queue, jobs_lane l
        JOIN tenants_tenant t ON t.id = l.tenant_id
        JOIN tenants_tier tier ON tier.slug = t.tier_id
        LEFT JOIN flight ON flight.tenant_id = l.tenant_id
       WHERE l.queue_id = $1 AND l.ready AND (SELECT free FROM room) > 0
         AND coalesce(flight.jobs, 0) < coalesce(t.max_running, tier.max_running)
       ORDER BY l.position LIMIT greatest(coalesce((SELECT free FROM room), 0), 0)),
    head AS MATERIALIZED (
      SELECT lane.tenant_id, h.id, h.kind,
             lane.position + (h.share - h.cost) / lane.weight AS starts,
             lane.position + h.share / lane.weight AS ends
        FROM lane CROSS JOIN LATERAL (
          SELECT id, kind, cost, sum(cost) OVER (ORDER BY priority, id) AS share
            FROM (SELECT id, kind, priority, cost FROM jobs_job
                   WHERE queue = $1 AND tenant_id = lane.tenant_id AND state = 'queued'
                     AND lost_leases < 2
                   ORDER BY priority, id
                   LIMIT least(lane.quota, (SELECT free FROM room))) AS first) AS h),
    picked AS MATERIALIZED (
      SELECT * FROM head ORDER BY starts, id LIMIT coalesce((SELECT free FROM room), 0)),
    rung AS (
      UPDATE jobs_job j SET state = 'rung', rung_at = now() FROM picked
       WHERE j.id = picked.id AND j.state = 'queued' RETURNING j.id, j.kind),
    moved AS (
      UPDATE jobs_lane l SET position = p.ends
        FROM (SELECT tenant_id, max(ends) AS ends FROM picked GROUP BY tenant_id) AS p
       WHERE l.queue_id = $1 AND l.tenant_id = p.tenant_id),
    emptied AS (
      UPDATE jobs_lane l SET ready = false FROM lane
       WHERE l.queue_id = $1 AND l.tenant_id = lane.tenant_id
         AND NOT EXISTS (SELECT 1 FROM head WHERE head.tenant_id = lane.tenant_id)),
    ticked AS (
      UPDATE jobs_queue SET clock = (SELECT max(starts) FROM picked),
             filled_by = pg_current_xact_id()::text::bigint
       WHERE name = $1 AND EXISTS (SELECT 1 FROM picked))
    SELECT (SELECT array_agg(id::text) FROM rung),
           (SELECT array_agg(kind) FROM rung),
           (SELECT count(*) FROM lane) > 0 OR (SELECT slots > 0 AND (free = 0
              OR EXISTS (SELECT 1 FROM flight f JOIN jobs_lane l ON l.tenant_id = f.tenant_id
                          WHERE l.queue_id = $1 AND l.ready)) FROM room, queue),
           (SELECT count(*) FROM hasty)
    """,
)

# A job that has taken two workers down may take its slot mates with it: one such at a time. Two
# dispatchers pick the same one, and the second then finds it rung.
SUSPECT = Statement(
    "ring_suspect",
    ("text",),
    """
    UPDATE jobs_job SET state = 'rung', rung_at = now()
     WHERE id = (SELECT id FROM jobs_job
                  WHERE queue = $1 AND state = 'queued' AND lost_leases >= 2
                    AND NOT EXISTS (SELECT 1 FROM jobs_queue WHERE name = $1 AND paused)
                    AND NOT EXISTS (SELECT 1 FROM jobs_job WHERE queue = $1
                          AND state IN ('rung', 'running') AND lost_leases >= 2)
                  ORDER BY id LIMIT 1)
       AND state = 'queued'
    RETURNING id::text, kind
    """,
)

WITH_WORK = Statement(
    "find_queues_with_work",
    ("text[]",),
    """
    SELECT name FROM jobs_queue q
     WHERE name = ANY($1) AND NOT paused
       AND EXISTS (SELECT 1 FROM jobs_lane WHERE queue_id = q.name AND ready)
     ORDER BY name
    """,
)

UNHEARD = Statement(
    "find_unheard_bells",
    ("text", "interval"),
    """
    SELECT id::text, kind, rung_at < now() - $2 * 6 FROM jobs_job
     WHERE queue = $1 AND state = 'rung' AND rung_at < now() - $2 ORDER BY rung_at LIMIT 500
    """,
)

RUNG_AGAIN = "UPDATE jobs_job SET rung_at = now() WHERE id = ANY(%s::uuid[]) AND state = 'rung'"


class Filled(NamedTuple):
    """What one fill rang, and whether more waits that found no room."""

    rings: list[Ring]
    more: bool


def fill_queue(queue: str) -> Filled:
    """Mark rung as many jobs as the queue's window has room for, by fair share."""
    row = FILL.row(queue, BITE, settings.READ_AHEAD, settings.WORKER_ALIVE)
    ids, kinds, more, _ = row or (None, None, False, 0)
    rings = [Ring(*pair) for pair in zip(ids or (), kinds or (), strict=True)]
    return Filled(rings, more=bool(more))


def ring_suspect(queue: str) -> list[Ring]:
    return [Ring(*row) for row in SUSPECT.rows(queue)]


class Unheard(NamedTuple):
    """Bells nobody has answered; some so long ago that they must be lost."""

    rings: list[Ring]
    long: bool


def unheard_bells(queue: str) -> Unheard:
    """Jobs rung a while ago that nobody has claimed."""
    rows = UNHEARD.rows(queue, settings.RING_AGAIN)
    return Unheard([Ring(*row[:2]) for row in rows], any(row[2] for row in rows))


def note_rung_again(rings: list[Ring]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(RUNG_AGAIN, [[ring.job_id for ring in rings]])


def open_queues() -> list[str]:
    """Those that this dispatcher knows how to ring, unless they are paused."""
    known = Queue.objects.filter(paused=False, name__in=settings.QUEUES)
    return list(known.values_list("name", flat=True))


def queues_with_work() -> list[str]:
    """Open queues with a lane that may have something to ring."""
    return [row[0] for row in WITH_WORK.rows(list(settings.QUEUES))]
