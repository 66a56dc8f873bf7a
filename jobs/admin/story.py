"""One job's story, ready to be read: what was asked, planned, tried, made and charged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from jobs.admin.words import PRIORITIES, STATES, code_words, event_words, state_badge
from jobs.models import Edge, Event, Job, Usage
from jobs.states import FINAL, Priority, State
from tenants.admin.words import NOTHING, badge, duration, exact, lasted, listed, plain, when

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from django.utils.safestring import SafeString

MOST_EVENTS = 50
MOST_WAITED_ON = 20


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One way to do the job, and what became of it."""

    number: int
    engine: str
    queue: str
    details: str
    outcome: SafeString


@dataclass(frozen=True, slots=True)
class TrailRow:
    attempt: str
    engine: str
    what: str
    message: str


@dataclass(frozen=True, slots=True)
class EventRow:
    number: int
    name: str
    code: str
    at: datetime


class JobStory:
    """Built from the job's row; what lies in other tables is asked for when a page shows it."""

    def __init__(self, job: Job, *, insider: bool = True) -> None:
        """An insider is told by whom the work was done."""
        self.job, self.insider = job, insider

    @property
    def state(self) -> SafeString:
        return state_badge(self.job.state)

    @property
    def meaning(self) -> str:
        """What the state means, and what it is called in the API."""
        return f"{STATES[self.job.state][2]} (“{self.job.state}” in the API)"

    @property
    def percent(self) -> int | None:
        return round(self.job.progress * 100) if self.job.state == State.RUNNING else None

    @property
    def error_title(self) -> str:
        return code_words(self.job.error_code) if self.job.error_code else ""

    @property
    def asked(self) -> dict[str, Any]:
        """The request, field by field."""
        return {name.replace("_", " "): plain(value) for name, value in self.job.request.items()}

    @property
    def plan(self) -> list[PlanRow]:
        return [
            PlanRow(
                number=index + 1,
                engine=step["engine"],
                queue=step["queue"],
                details=self.details_of(step.get("binding", {})) or NOTHING,
                outcome=self._outcome(index),
            )
            for index, step in enumerate(self.job.plan)
        ]

    def details_of(self, binding: Mapping[str, Any]) -> str:
        """What a step of the plan needs to know, in words."""
        return listed(binding)

    def _outcome(self, index: int) -> SafeString:
        if index < self.job.step:
            return badge("did not work", "warn", "See what happened below")
        if index == self.job.step:
            return self.state
        ended = self.job.state in FINAL
        return badge("not needed" if ended else "in reserve", "plain")

    @property
    def trail(self) -> list[TrailRow]:
        return [
            TrailRow(
                attempt=plain(note.get("attempt")),
                engine=note.get("engine") or NOTHING,
                what=code_words(note.get("code", "")),
                message=note.get("message", ""),
            )
            for note in self.job.trail
        ]

    @property
    def course(self) -> dict[str, Any]:
        """Times, tries and by whom."""
        job = self.job
        facts: dict[str, Any] = {"Accepted": exact(job.created_at), "Waited": self._waited()}
        if job.started_at:
            facts["Worked"] = lasted((job.ended_at or timezone.now()) - job.started_at)
        facts |= {
            "Ended": exact(job.ended_at) if job.ended_at else "",
            "Not before": when(job.not_before) if job.not_before else "",
            "Deadline": exact(job.deadline) if job.deadline else "",
            "Attempts": job.attempt,
            "Workers lost": job.lost_leases or "",
            "Worker": job.worker if self.insider else "",
            "Priority": PRIORITIES[Priority(job.priority)],
            "Personality": job.personality_id,
        }
        return {name: value for name, value in facts.items() if value != ""}

    def _waited(self) -> str:
        until = self.job.started_at or self.job.ended_at or timezone.now()
        return lasted(until - self.job.created_at)

    @property
    def relations(self) -> dict[str, Any]:
        """Its batch, and the jobs it comes from or waits on."""
        job, facts = self.job, dict[str, Any]()
        if job.retry_of_id:
            facts["Retry of"] = link_to_job(job.retry_of_id)
        if job.batch_id:
            address = f"{reverse('admin:jobs_job_changelist')}?q={job.batch_id}"
            facts["Batch"] = link(address, job.batch_id)
        for edge in Edge.objects.filter(waiter=job).order_by("id")[:MOST_WAITED_ON]:
            facts[f"Waits on {str(edge.awaited_id)[-6:]}"] = link_to_job(edge.awaited_id)
        return facts

    @property
    def made(self) -> dict[str, str]:
        """The result, field by field."""
        return {name.replace("_", " "): plain(v) for name, v in (self.job.result or {}).items()}

    @cached_property
    def usage(self) -> dict[str, str]:
        """What was charged, or nothing."""
        usage = Usage.objects.filter(job=self.job).first()
        if usage is None:
            return {}
        return {
            "Characters": f"{usage.characters:,}",
            "Audio": duration(usage.audio_seconds),
            "Cost": f"${usage.cost_usd:.4f}",
            "Made by": usage.provider or NOTHING,
            "From an earlier result": plain(usage.cached),
        }

    @property
    def events(self) -> list[EventRow]:
        rows = Event.objects.filter(job=self.job).order_by("number")[:MOST_EVENTS]
        return [EventRow(row.number, event_words(row.name), row.name, row.at) for row in rows]


def link_to_job(job_id: UUID, *, short: bool = False) -> SafeString:
    address = reverse("admin:jobs_job_change", args=[job_id])
    return link(address, shortened(job_id) if short else job_id)


def shortened(job_id: UUID) -> str:
    """Enough of an id to know a job by, and to find it with."""
    return str(job_id)[:18]


def link(address: str, text: object) -> SafeString:
    return format_html('<a class="vm-link" href="{}">{}</a>', address, text)
