"""Usage in the admin: one line for a job, and a tenant's total when one is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count, Sum
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.paginator import InfinitePaginator

from jobs.admin.story import link_to_job
from jobs.models import Usage
from tenants.admin.looks import LookedAt
from tenants.admin.owned import OwnedAdmin, member_of
from tenants.admin.periods import PeriodFilter
from tenants.admin.words import NOTHING, duration, when
from tenants.roles import Right

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString


@admin.register(Usage)
class UsageAdmin(LookedAt, OwnedAdmin[Usage]):
    """What was charged, newest first."""

    rights = {"view": Right.SEE}
    hidden = {"tenant"}
    list_display = [
        "made",
        "tenant",
        "voice",
        "provider",
        "spoken",
        "audio",
        "cost",
        "again",
        "its_job",
    ]
    list_filter = [PeriodFilter, ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    list_per_page = 50
    list_before_template = "jobs/admin/usage_totals.html"
    ordering = ["-id"]
    sortable_by = ()
    show_full_result_count = False
    paginator = InfinitePaginator
    fields = ["made", "tenant", "voice", "provider", "spoken", "audio", "cost", "again", "its_job"]
    readonly_fields = ["made", "spoken", "audio", "cost", "again", "its_job"]

    @admin.display(description="When")
    def made(self, usage: Usage) -> SafeString | str:
        return when(usage.at)

    @admin.display(description="Characters")
    def spoken(self, usage: Usage) -> str:
        return f"{usage.characters:,}"

    @admin.display(description="Audio")
    def audio(self, usage: Usage) -> str:
        return duration(usage.audio_seconds)

    @admin.display(description="Cost")
    def cost(self, usage: Usage) -> str:
        return f"${usage.cost_usd:.4f}" if usage.cost_usd else NOTHING

    @admin.display(description="From before")
    def again(self, usage: Usage) -> str:
        return "yes" if usage.cached else NOTHING

    @admin.display(description="Job")
    def its_job(self, usage: Usage) -> SafeString:
        return link_to_job(usage.job_id, short=True)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A tenant's total is cheap by its index; the total of all would not be."""
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        one = member_of(request) or request.GET.get("tenant__id__exact")
        if "cl" in context and one:
            context["totals"] = totals_of(context["cl"].queryset)
        return response


def totals_of(usage: QuerySet[Usage]) -> dict[str, Any]:
    sums = usage.order_by().aggregate(
        jobs=Count("id"),
        characters=Sum("characters", default=0),
        audio=Sum("audio_seconds", default=0.0),
        cost=Sum("cost_usd", default=0),
    )
    return {
        "Jobs": f"{sums['jobs']:,}",
        "Characters": f"{sums['characters']:,}",
        "Audio": duration(sums["audio"]),
        "Cost": f"${sums['cost']:.2f}",
    }
