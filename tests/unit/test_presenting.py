"""A job as it is shown, against what the OpenAPI file says of it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from jobs.api.presenting import JobDetail, present_job
from jobs.models import Job


def a_job(**changed: object) -> Job:
    fields = {
        "id": UUID(int=1),
        "kind": "synthesize",
        "state": "queued",
        "priority": 1,
        "request": {"text": "Hello.", "spoken": "Hello.", "revision": "r"},
        "plan": [{"engine": "echo", "queue": "cpu", "binding": {"model": "m"}}],
        "trail": [],
        "personality_id": "",
        "created_at": datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
        "error_code": "",
        "error_message": "",
    }
    return Job(**(fields | changed))


def test_a_job_is_shown_with_exactly_the_documented_fields() -> None:
    assert list(present_job(a_job())) == list(JobDetail().fields)


def test_inner_workings_are_not_shown() -> None:
    shown = present_job(a_job())
    assert shown["request"] == {"text": "Hello."}
    assert shown["plan"] == [{"engine": "echo", "queue": "cpu"}]


def test_moments_are_utc_with_a_z() -> None:
    assert present_job(a_job())["created_at"] == "2030-01-02T03:04:05Z"


def test_audio_is_offered_only_where_there_is_some() -> None:
    done = {"sha256": "0" * 64}
    assert present_job(a_job(state="succeeded", result=done))["audio_url"].endswith("/audio")
    assert present_job(a_job(state="running", result=done))["audio_url"] is None
    assert present_job(a_job(state="succeeded", result={}))["audio_url"] is None
