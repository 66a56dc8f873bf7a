"""Waking lanes: the fragment of SQL every statement uses that makes jobs ready."""

from __future__ import annotations


def wake(moved: str) -> str:
    """CTEs that wake the lanes of `moved` (queue, tenant_id, state); `woken` names the queues."""
    return f"""
    lanes AS (SELECT DISTINCT queue, tenant_id FROM {moved} WHERE state = 'queued'),
    made AS (
      INSERT INTO jobs_lane (queue_id, tenant_id) SELECT queue, tenant_id FROM lanes
      ON CONFLICT DO NOTHING RETURNING queue_id),
    stirred AS (
      UPDATE jobs_lane l SET ready = true FROM lanes
       WHERE l.queue_id = lanes.queue AND l.tenant_id = lanes.tenant_id AND NOT l.ready
      RETURNING l.queue_id),
    woken AS (SELECT queue_id FROM made UNION SELECT queue_id FROM stirred)"""  # noqa: S608 - names only
