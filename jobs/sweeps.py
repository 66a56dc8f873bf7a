"""What the ledger forgets in time."""

from __future__ import annotations

from django.conf import settings
from django.db.models.functions import Now

from jobs.models import Job


def forget_idempotency_keys(*, dry_run: bool = False) -> int:
    """A key protects its request for a day; then it may be used again."""
    old = Job.objects.filter(
        idempotency_key__isnull=False, created_at__lt=Now() - settings.IDEMPOTENCY
    )
    return old.count() if dry_run else old.update(idempotency_key=None)
