"""What staff can do to jobs: cancel and retry, one by one or together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse

from jobs.errors import LedgerError
from jobs.models import Job
from jobs.services import endings
from jobs.states import FINAL, State
from tenants.admin.buttons import Button, posted
from tenants.admin.looks import ModelAdmin

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from jobs.services.accept import Accepted

RETRIABLE = FINAL - {State.SUCCEEDED}
AT_ONCE = 1_000  # jobs one bulk action takes at most


class JobDesk(ModelAdmin[Job]):
    actions = ["cancel_selected", "retry_selected"]

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path("<uuid:job_id>/cancel/", posted(site, self.cancel), name="jobs_job_cancel"),
            path("<uuid:job_id>/retry/", posted(site, self.retry), name="jobs_job_retry"),
            *super().get_urls(),
        ]

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Who may cancel and retry. The rows themselves are nobody's to edit."""
        return request.user.has_perm("jobs.change_job")

    def buttons_of(self, request: HttpRequest, job: Job) -> list[Button]:
        """What can be done to the job as it stands."""
        if not self.has_steer_permission(request):
            return []
        if job.state not in FINAL:
            address = reverse("admin:jobs_job_cancel", args=[job.id])
            return [Button("Cancel", address, "Cancel this job? It cannot be resumed.", "bad")]
        if job.state in RETRIABLE and not job.request.get("forgotten"):
            address = reverse("admin:jobs_job_retry", args=[job.id])
            return [Button("Retry", address, "Submit the same work as a new job?", "main")]
        return []

    def cancel(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        job = self._steered(request, job_id)
        outcome = cancel_one(job)
        self.log_change(request, job, f"Asked to cancel: {outcome}.")
        level = messages.WARNING if outcome == ENDED_BEFORE else messages.SUCCESS
        self.message_user(request, f"Job {outcome}.", level)
        return _to_page(job.id)

    def retry(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """On to the new job's page; the old job stays as it ended."""
        job = self._steered(request, job_id)
        try:
            accepted = retry_one(job)
        except LedgerError as error:
            self.message_user(request, str(error), messages.ERROR)
            return _to_page(job.id)
        self.log_change(request, job, f"Retried as {accepted.id}.")
        self.message_user(request, "This is the new job; the old one stays as it ended.")
        return _to_page(accepted.id)

    @admin.action(description="Cancel", permissions=["steer"])
    def cancel_selected(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        outcomes = Counter(cancel_one(job) for job in jobs[:AT_ONCE])
        self.message_user(request, _told(outcomes))

    @admin.action(description="Retry", permissions=["steer"])
    def retry_selected(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        outcomes = Counter(_retry_outcome(job) for job in jobs[:AT_ONCE])
        self.message_user(request, _told(outcomes))

    def _steered(self, request: HttpRequest, job_id: UUID) -> Job:
        if not self.has_steer_permission(request):
            raise PermissionDenied
        return get_object_or_404(Job.objects.select_related("tenant__tier"), id=job_id)


ENDED_BEFORE = "had ended before"
OUTCOMES: dict[str, str] = {
    State.CANCELLED: "cancelled",
    State.RUNNING: "running: its worker was asked to stop",
}


def cancel_one(job: Job) -> str:
    """What came of it, to be read after "Job"."""
    if job.state in FINAL:
        return ENDED_BEFORE
    state = endings.cancel_job(tenant_id=job.tenant_id, job_id=job.id)
    return OUTCOMES.get(state, ENDED_BEFORE)


def retry_one(job: Job) -> Accepted:
    """The tenant's own ceiling counts, as if it had asked itself."""
    own, tier = job.tenant.max_queued, job.tenant.tier.max_queued
    return endings.retry_job(
        tenant_id=job.tenant_id, job_id=job.id, ceiling=tier if own is None else own
    )


def _retry_outcome(job: Job) -> str:
    try:
        retry_one(job)
    except LedgerError as error:
        return f"not retried: {error}"
    return "submitted again"


def _told(outcomes: Counter[str]) -> str:
    return " · ".join(f"{count} {outcome}" for outcome, count in outcomes.items())


def _to_page(job_id: Any) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job_id]))
