"""Filters of the ledger's lists. None counts, and none reads a big table for its choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.admin.letters import DELIVERY_STATES
from jobs.admin.words import STATES
from jobs.models import Job, Queue
from tenants.admin.looks import DropdownFilter

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest

LATEST = 1_000  # jobs whose kinds are offered as choices


class StateFilter(DropdownFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(state, words[0]) for state, words in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=value) if (value := self.value()) else queryset


class DeliveryStateFilter(DropdownFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(state, words[0]) for state, words in DELIVERY_STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=value) if (value := self.value()) else queryset


class QueueFilter(DropdownFilter):
    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(name, name) for name in Queue.objects.values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(queue=value) if (value := self.value()) else queryset


class KindFilter(DropdownFilter):
    """Kinds among the latest jobs: asking the whole ledger for its kinds would read all of it."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        latest = model_admin.get_queryset(request).order_by("-id").values("id")[:LATEST]
        kinds = set(Job.objects.filter(id__in=latest).values_list("kind", flat=True).distinct())
        return [(kind, kind) for kind in sorted(kinds | {self.value() or ""} - {""})]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=value) if (value := self.value()) else queryset
