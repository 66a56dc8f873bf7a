"""A job as the API shows it: one function for the views, one serializer for the OpenAPI file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from jobs.states import Priority, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from jobs.models import Job

HIDDEN = frozenset({"spoken", "revision", "own_voice"})


class JobError(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class JobStep(serializers.Serializer[Any]):
    engine = serializers.CharField()
    queue = serializers.CharField()


class JobDetail(serializers.Serializer[Any]):
    """A job. `result` is there once it has succeeded, `error` once it has failed."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in State])
    progress = serializers.FloatField(min_value=0, max_value=1)
    priority = serializers.ChoiceField(choices=[priority.name.lower() for priority in Priority])
    request = serializers.DictField()
    plan = JobStep(many=True)
    step = serializers.IntegerField()
    trail = serializers.ListField(child=serializers.DictField())
    attempt = serializers.IntegerField()
    cancel_requested = serializers.BooleanField()
    personality_id = serializers.CharField(allow_blank=True)
    batch_id = serializers.UUIDField(allow_null=True)
    retry_of = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    deadline = serializers.DateTimeField(allow_null=True)
    error = JobError(allow_null=True)
    result = serializers.DictField(allow_null=True)
    audio_url = serializers.CharField(allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField())


def present_job(job: Job, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """The fields of JobDetail."""
    return {
        "id": str(job.id),
        "kind": job.kind,
        "state": job.state,
        "progress": job.progress,
        "priority": Priority(job.priority).name.lower(),
        "request": {key: value for key, value in job.request.items() if key not in HIDDEN},
        "plan": [{"engine": step["engine"], "queue": step["queue"]} for step in job.plan],
        "step": job.step,
        "trail": job.trail,
        "attempt": job.attempt,
        "cancel_requested": job.cancel_requested,
        "personality_id": job.personality_id,
        "batch_id": job.batch_id and str(job.batch_id),
        "retry_of": job.retry_of_id and str(job.retry_of_id),
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "ended_at": moment(job.ended_at),
        "deadline": moment(job.deadline),
        "error": error_of(job),
        "result": job.result,
        "audio_url": audio_url(job.id, job.result if job.state == State.SUCCEEDED else None),
        "warnings": list(warnings),
    }


def moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def audio_url(job_id: UUID, result: Mapping[str, Any] | None) -> str | None:
    """Where the audio of a job that has succeeded with this result is to be had."""
    return f"/api/v1/jobs/{job_id}/audio" if result and "sha256" in result else None


def error_of(job: Job) -> dict[str, str] | None:
    return {"code": job.error_code, "message": job.error_message} if job.error_code else None
