"""What speech adds to the jobs' pages: the text, who speaks it, and the audio to hear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.urls import path
from django.views.decorators.http import require_safe

from jobs.admin.jobs import JobAdmin
from jobs.admin.story import JobStory
from jobs.models import Job
from jobs.states import State
from tenants.admin.words import NOTHING, duration, listed, plain
from voices.api.serving import serve_audio
from voices.audio import audio_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

QUALITIES = {
    "highest": "the best there is",
    "high": "high",
    "medium": "normal",
    "fast": "the fastest there is",
}


class SpokenStory(JobStory):
    """A job whose request is a text to be spoken."""

    @property
    def text(self) -> str:
        return str(self.job.request.get("text", ""))

    @property
    def forgotten(self) -> bool:
        return bool(self.job.request.get("forgotten"))

    @property
    def wish(self) -> dict[str, str]:
        """How the text was to be spoken."""
        request = self.job.request
        facts = {
            "Voice": plain(request.get("voice")),
            "Language": plain(request.get("language")),
            "Quality": QUALITIES.get(request.get("quality", ""), NOTHING),
            "Settings": plain(request.get("settings")),
            "Engine asked for": plain(request.get("engine")),
            "File": plain(request.get("format")),
            "Stand-ins": "allowed" if request.get("substitute") == "flag" else "refused",
        }
        return {name: value for name, value in facts.items() if value != NOTHING}

    @property
    def has_audio(self) -> bool:
        result = self.job.result or {}
        return self.job.state == State.SUCCEEDED and "sha256" in result and not self.gone

    @property
    def gone(self) -> bool:
        return bool((self.job.result or {}).get("expired"))

    @property
    def sound(self) -> dict[str, str]:
        """What the audio is, and who really spoke it."""
        result = self.job.result or {}
        if "sha256" not in result:
            return {}
        return {
            "Length": duration(result["seconds"]),
            "File": f"{result['format']}, {result['bytes'] / 1024:,.0f} KB",
            "Sample rate": f"{result['sample_rate'] / 1000:g} kHz",
            "Spoken by": f"{result['engine']}, {result['model']}",
            "Stand-in": plain(result["substituted"]),
            "From an earlier result": plain(result["cached"]),
        }

    def details_of(self, binding: Mapping[str, Any]) -> str:
        speaker, dials = binding.get("speaker"), binding.get("dials")
        parts = [
            str(binding.get("model", "")),
            f"speaker {speaker}" if speaker is not None else "",
            listed(dials) if dials else "",
            "standing in" if binding.get("substitute") else "",
        ]
        return ", ".join(part for part in parts if part)


admin.site.unregister(Job)


@admin.register(Job)
class SpokenJobAdmin(JobAdmin):
    """The ledger knows nothing of speech: the voices add what can be heard."""

    story = SpokenStory
    change_form_template = "voices/admin/job.html"
    list_display = [*JobAdmin.list_display[:4], "voice", *JobAdmin.list_display[4:]]

    @admin.display(description="Voice")
    def voice(self, job: Job) -> str:
        return plain(job.request.get("voice"))

    def get_urls(self) -> list[URLPattern]:
        audio = self.admin_site.admin_view(require_safe(self.audio))
        return [path("<uuid:job_id>/audio/", audio, name="jobs_job_audio"), *super().get_urls()]

    def audio(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """The job's audio, for whoever may see the job."""
        return serve_audio(request, audio_of(self.row_of(request, job_id)))
