"""What the ledger forgets in time."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now

from jobs.models import Event, Job

BITE = 1_000  # events one statement looks at

FORGET_EVENTS = """
    WITH bite AS (
      SELECT id, job_id, at FROM jobs_event WHERE id > %(after)s ORDER BY id LIMIT %(most)s),
    gone AS (
      DELETE FROM jobs_event e USING bite LEFT JOIN jobs_job j ON j.id = bite.job_id
       WHERE e.id = bite.id AND (j.ended_at < now() - %(age)s::interval
             OR bite.job_id IS NULL AND bite.at < now() - %(age)s::interval)
      RETURNING e.id, e.tenant_id, e.transaction),
    noted AS (
      INSERT INTO jobs_forgotten AS f (tenant_id, transaction, event)
      SELECT DISTINCT ON (tenant_id) tenant_id, transaction, id FROM gone
       ORDER BY tenant_id, transaction DESC, id DESC
      ON CONFLICT (tenant_id) DO UPDATE
         SET transaction = excluded.transaction, event = excluded.event
       WHERE (f.transaction, f.event) < (excluded.transaction, excluded.event))
    SELECT (SELECT max(id) FROM bite WHERE at < now() - %(age)s::interval),
           (SELECT count(*) FROM gone)"""


def forget_idempotency_keys(*, dry_run: bool = False) -> int:
    """A key protects its request for a day; then it may be used again."""
    old = Job.objects.filter(
        idempotency_key__isnull=False, created_at__lt=Now() - settings.IDEMPOTENCY
    )
    return old.count() if dry_run else old.update(idempotency_key=None)


def forget_events(*, dry_run: bool = False) -> int:
    """Remove events of jobs that ended long ago, and old ones of no job; note how far they went.

    Numbers rise with time: it walks from the oldest event and stops at the first bite without an
    old one, so the many that stay cost nothing.
    """
    if dry_run:
        before = Now() - settings.EVENTS_KEPT
        old = Q(job__ended_at__lt=before) | Q(job=None, at__lt=before)
        return Event.objects.filter(old).count()
    after: int | None = 0
    removed = 0
    while after is not None:
        after, gone = _forget_bite(after)
        removed += gone
    return removed


def _forget_bite(after: int) -> tuple[int | None, int]:
    """The last old event of this bite, None where there was none; and how many are gone."""
    age = f"{settings.EVENTS_KEPT.total_seconds()} seconds"
    with connection.cursor() as cursor:
        cursor.execute(FORGET_EVENTS, {"after": after, "most": BITE, "age": age})
        last, gone = cursor.fetchone()
        return last, gone
