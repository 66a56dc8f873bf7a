"""What can be done to jobs: cancel and retry, one by one or together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpResponseRedirect
from django.urls import path, reverse

from jobs.errors import LedgerError
from jobs.models import Job
from jobs.services import endings
from jobs.states import FINAL, State
from tenants.admin.buttons import Button, posted
from tenants.admin.owned import OwnedAdmin
from tenants.audit import of_person, record
from tenants.roles import Right

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from jobs.services.accept import Accepted
    from tenants.audit import Actor

RETRIABLE = FINAL - {State.SUCCEEDED}
AT_ONCE = 1_000  # jobs one bulk action takes at most


class JobDesk(OwnedAdmin[Job]):
    rights = {"view": Right.SEE, "steer": Right.SPEAK}
    actions = ["cancel_selected", "retry_selected"]

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path("<uuid:job_id>/cancel/", posted(site, self.cancel), name="jobs_job_cancel"),
            path("<uuid:job_id>/retry/", posted(site, self.retry), name="jobs_job_retry"),
            *super().get_urls(),
        ]

    def buttons_of(self, request: HttpRequest, job: Job) -> list[Button]:
        """What can be done to the job as it stands."""
        if not self.has_steer_permission(request, job):
            return []
        if job.state not in FINAL:
            address = reverse("admin:jobs_job_cancel", args=[job.id])
            return [Button("Cancel", address, "Cancel this job? It cannot be resumed.", "bad")]
        if job.state in RETRIABLE and not job.request.get("forgotten"):
            address = reverse("admin:jobs_job_retry", args=[job.id])
            return [Button("Retry", address, "Submit the same work as a new job?", "main")]
        return []

    def cancel(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        job = self.steered(request, job_id)
        outcome = cancel_one(job, of_person(request.user))
        self.log_change(request, job, f"Asked to cancel: {outcome}.")
        level = messages.WARNING if outcome == ENDED_BEFORE else messages.SUCCESS
        self.message_user(request, f"Job {outcome}.", level)
        return _to_page(job.id)

    def retry(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """On to the new job's page; the old job stays as it ended."""
        job = self.steered(request, job_id)
        try:
            accepted = retry_one(job, of_person(request.user))
        except LedgerError as error:
            self.message_user(request, str(error), messages.ERROR)
            return _to_page(job.id)
        self.log_change(request, job, f"Retried as {accepted.id}.")
        self.message_user(request, "This is the new job; the old one stays as it ended.")
        return _to_page(accepted.id)

    @admin.action(description="Cancel", permissions=["steer"])
    def cancel_selected(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        actor = of_person(request.user)
        outcomes = Counter(cancel_one(job, actor) for job in jobs[:AT_ONCE])
        self.message_user(request, _told(outcomes))

    @admin.action(description="Retry", permissions=["steer"])
    def retry_selected(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        actor = of_person(request.user)
        outcomes = Counter(_retry_outcome(job, actor) for job in jobs[:AT_ONCE])
        self.message_user(request, _told(outcomes))


ENDED_BEFORE = "had ended before"
OUTCOMES: dict[str, str] = {
    State.CANCELLED: "cancelled",
    State.RUNNING: "running: its worker was asked to stop",
}


@transaction.atomic
def cancel_one(job: Job, actor: Actor) -> str:
    """What came of it, to be read after "Job"."""
    if job.state in FINAL:
        return ENDED_BEFORE
    state = endings.cancel_job(tenant_id=job.tenant_id, job_id=job.id)
    if state in OUTCOMES:
        _note(actor, "job.cancel_asked", job)
    return OUTCOMES.get(state, ENDED_BEFORE)


@transaction.atomic
def retry_one(job: Job, actor: Actor) -> Accepted:
    """The tenant's own ceiling counts, as if it had asked itself."""
    ceiling = job.tenant.limit("max_queued")
    accepted = endings.retry_job(tenant_id=job.tenant_id, job_id=job.id, ceiling=ceiling)
    _note(actor, "job.retried", job, into=str(accepted.id))
    return accepted


def _note(actor: Actor, action: str, job: Job, **detail: str) -> None:
    record(actor, action, tenant_id=job.tenant_id, kind="job", object_id=job.id, **detail)


def _retry_outcome(job: Job, actor: Actor) -> str:
    try:
        retry_one(job, actor)
    except LedgerError as error:
        return f"not retried: {error}"
    return "submitted again"


def _told(outcomes: Counter[str]) -> str:
    return " · ".join(f"{count} {outcome}" for outcome, count in outcomes.items())


def _to_page(job_id: Any) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job_id]))
