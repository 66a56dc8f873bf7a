"""Removing audio whose time is over, and what nothing names any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from jobs.selectors import live_job_ids
from voices.models import Render, Variant
from voices.named import named_among
from voices.storage import audio_store, remove_if_older

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from voices.store import StoredObject

BITE = 500

DUE = """
    SELECT j.id FROM jobs_job j
      JOIN tenants_tenant t ON t.id = j.tenant_id JOIN tenants_tier tier ON tier.slug = t.tier_id
     WHERE j.ended_at < now() - make_interval(days => coalesce(t.result_days, tier.result_days))
       AND j.request ? 'text'
     LIMIT %s"""

FORGET = """
    UPDATE jobs_job
       SET request = (request - 'text' - 'spoken' - 'webhook_url') || '{"forgotten": true}',
           result = result || '{"expired": true}' WHERE id = ANY(%s)"""


def forget_old_results(*, dry_run: bool = False) -> int:
    """Blank the text and let go of the audio of results older than their tenant keeps them."""
    if dry_run:
        return len(_due(None))
    forgotten = 0
    while due := _due(BITE):
        with connection.cursor() as cursor:
            cursor.execute(FORGET, [due])
        forgotten += len(due)
    return forgotten


def _due(most: int | None) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(DUE, [most])
        return [row[0] for row in cursor.fetchall()]


def forget_old_renders(*, dry_run: bool = False) -> int:
    """Let go of renders nobody has used for a while, unless a live job is making them."""
    old = Render.objects.filter(used_at__lt=Now() - timedelta(hours=settings.RENDER_HOURS))
    rows = list(old.values_list("key", "job_id"))
    live = live_job_ids(job_id for _, job_id in rows if job_id)
    keys = [key for key, job_id in rows if job_id not in live]
    if not dry_run:
        for start in range(0, len(keys), BITE):
            bite = keys[start : start + BITE]
            Variant.objects.filter(render__in=bite).delete()
            old.filter(key__in=bite).delete()
    return len(keys)


def remove_orphans(*, dry_run: bool = False) -> int:
    """Remove stored audio that no row has named for a day, and what killed uploads left."""
    before = datetime.now(UTC) - timedelta(hours=settings.ORPHAN_HOURS)
    store = audio_store()
    removed = 0
    bite: list[StoredObject] = []
    for stored in store.names(older_than=before):
        bite.append(stored)
        if len(bite) == BITE:
            removed += _remove_unnamed(bite, before, dry_run=dry_run)
            bite = []
    removed += _remove_unnamed(bite, before, dry_run=dry_run)
    return removed if dry_run else removed + store.remove_leftovers(older_than=before)


def _remove_unnamed(found: Sequence[StoredObject], before: datetime, *, dry_run: bool) -> int:
    names = [stored.name for stored in found]
    named = named_among(names)
    orphans = [name for name in names if name not in named]
    if dry_run:
        return len(orphans)
    return sum(remove_if_older(name, before) for name in orphans)
