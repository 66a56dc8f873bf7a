"""Whole days, UTC, as lists are filtered by them."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tenants.admin.looks import DropdownFilter

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest

PERIODS = {"0": "Today", "1": "Yesterday and today", "6": "Last 7 days", "29": "Last 30 days"}


class PeriodFilter(DropdownFilter):
    """Of rows that have a column `at`."""

    title = "time"
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return list(PERIODS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if (days := self.value()) not in PERIODS:
            return queryset
        return queryset.filter(at__gte=start_of_today() - timedelta(days=int(days)))


def start_of_today() -> datetime:
    """Midnight, UTC."""
    now = timezone.now()
    return datetime.combine(now.date(), time(), tzinfo=now.tzinfo)
