"""Jobs in the admin: a list that never counts its million rows, and a page for each."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.paginator import InfinitePaginator

from jobs.admin.desk import JobDesk
from jobs.admin.filters import KindFilter, QueueFilter, StateFilter
from jobs.admin.story import JobStory, shortened
from jobs.admin.words import state_badge
from jobs.models import Job
from tenants.admin.looks import LookedAt
from tenants.admin.owned import member_of
from tenants.admin.words import NOTHING, lasted, when

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

UUID_DIGITS = 32
SHORTEST = 6  # digits of an id's beginning that are looked for


@admin.register(Job)
class JobAdmin(LookedAt, JobDesk):
    """The ledger: seen, cancelled and retried; never added to, edited or deleted."""

    hidden = {"tenant", "queue", QueueFilter}
    story: type[JobStory] = JobStory
    change_form_template = "jobs/admin/job.html"
    fields = ()
    list_display = [
        "short_id",
        "state_label",
        "tenant",
        "kind",
        "engine",
        "queue",
        "age",
        "took",
        "attempt",
    ]
    list_filter = [StateFilter, QueueFilter, ("tenant", AutocompleteSelectFilter), KindFilter]
    list_filter_submit = True
    list_select_related = ["tenant"]
    list_per_page = 50
    list_disable_select_all = True
    ordering = ["-id"]
    sortable_by = ()
    search_fields = ["id"]
    search_help_text = "A job's id, its beginning, or a batch's id"
    show_full_result_count = False
    paginator = InfinitePaginator

    @admin.display(description="Job")
    def short_id(self, job: Job) -> str:
        return shortened(job.id)

    @admin.display(description="State")
    def state_label(self, job: Job) -> SafeString:
        return state_badge(job.state)

    @admin.display(description="Engine")
    def engine(self, job: Job) -> str:
        return str(job.plan[job.step]["engine"]) if job.plan else NOTHING

    @admin.display(description="Accepted")
    def age(self, job: Job) -> SafeString | str:
        return when(job.created_at)

    @admin.display(description="Took")
    def took(self, job: Job) -> str:
        """From acceptance to the end, or until now: what its tenant waits."""
        return lasted((job.ended_at or timezone.now()) - job.created_at)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        return (search_jobs(queryset, search_term) if search_term else queryset), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return super().get_queryset(request).select_related("tenant__tier")

    def render_change_form(  # noqa: PLR0917 - as Django calls it
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Job | None = None,
    ) -> HttpResponse:
        if obj is not None:
            story = self.story(obj, insider=member_of(request) is None)
            context |= {"story": story, "buttons": self.buttons_of(request, obj)}
        return super().render_change_form(request, context, add, change, form_url, obj)


def search_jobs(jobs: QuerySet[Job], term: str) -> QuerySet[Job]:
    """By the id of a job or a batch, or how a job's id begins; each by an index."""
    digits = term.strip().replace("-", "").lower()
    if not SHORTEST <= len(digits) <= UUID_DIGITS or set(digits) - set("0123456789abcdef"):
        return jobs.none()
    first = uuid.UUID(digits.ljust(UUID_DIGITS, "0"))
    last = uuid.UUID(digits.ljust(UUID_DIGITS, "f"))
    if first == last:
        return jobs.filter(Q(id=first) | Q(batch_id=first))
    return jobs.filter(id__gte=first, id__lte=last)
