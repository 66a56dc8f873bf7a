"""What webhooks forget in time."""

from __future__ import annotations

from django.conf import settings
from django.db.models.functions import Now

from jobs.webhooks.models import Delivery

BITE = 1_000


def forget_deliveries(*, dry_run: bool = False) -> int:
    """Messages are kept for some weeks, however they ended."""
    old = Delivery.objects.filter(created_at__lt=Now() - settings.WEBHOOK_KEPT)
    if dry_run:
        return old.count()
    removed = 0
    while bite := list(old.order_by("created_at").values_list("id", flat=True)[:BITE]):
        removed += Delivery.objects.filter(id__in=bite).delete()[0]
    return removed
