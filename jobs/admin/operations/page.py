"""The page, and the part of it that is fetched again every few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from jobs.admin.operations import levers
from jobs.admin.operations.classes import HardwareClass, read_classes
from jobs.admin.operations.crew import Hand, read_crew
from jobs.admin.operations.failures import read_failures
from jobs.admin.operations.health import read_health
from jobs.admin.operations.shares import Spender, read_shares, read_spenders
from jobs.admin.overview import Tile
from tenants.admin.words import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

MOST_FAILINGS = 10
SEEN_WITH = ("jobs.view_queue", "jobs.view_worker")


def show_page(request: HttpRequest) -> HttpResponse:
    context = admin.site.each_context(request) | {"title": "Operations"} | _now(request)
    return TemplateResponse(request, "jobs/admin/operations.html", context)


def show_now(request: HttpRequest) -> HttpResponse:
    """What of the page changes by itself."""
    return TemplateResponse(request, "jobs/admin/operations_now.html", _now(request))


def may_see(request: HttpRequest) -> bool:
    return request.user.has_perms(SEEN_WITH)


def _now(request: HttpRequest) -> dict[str, Any]:
    if not may_see(request):
        raise PermissionDenied
    now = timezone.now()
    failures, spenders = read_failures(), read_spenders()
    classes, crew, shares = read_classes(now, failures), read_crew(now), read_shares()
    rows = [(one, levers.of_queue(request, one), shares.get(one.name, [])) for one in classes]
    return {
        "now": now,
        "health": read_health(),
        "tiles": _tiles(classes, crew, spenders),
        "classes": rows,
        "crew": [(hand, levers.of_worker(request, hand)) for hand in crew],
        "failures": failures[:MOST_FAILINGS],
        "spenders": spenders,
    }


def _tiles(
    classes: Sequence[HardwareClass], crew: Sequence[Hand], spenders: Sequence[Spender]
) -> list[Tile]:
    failed = sum(one.failed for one in classes)
    silent = sum(hand.is_silent for hand in crew)
    slots = sum(one.slots for one in classes)
    spent = sum(one.hour_cost for one in spenders)
    return [
        Tile("Running", f"{sum(one.running for one in classes):,} of {slots:,}"),
        Tile("Work in line", duration(sum(one.seconds for one in classes))),
        Tile("Failed in an hour", f"{failed:,}", tone="bad" if failed else ""),
        Tile("Workers alive", f"{len(crew) - silent} of {len(crew)}", tone="bad" if silent else ""),
        Tile("Spoken in an hour", duration(sum(one.hour_audio for one in spenders))),
        Tile("Spent in an hour", f"${spent:,.2f}"),
    ]


urlpatterns = [
    path("", admin.site.admin_view(show_page), name="operations"),
    path("now/", admin.site.admin_view(show_now), name="operations_now"),
    *levers.urlpatterns,
]
