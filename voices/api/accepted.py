"""A job as the answer to whoever asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from jobs.api.presenting import present_job
from jobs.selectors import warnings_about

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.models import Job


def accepted(job: Job, *, replayed: bool = False, told: Iterable[str] = ()) -> Response:
    """202 while it is under way, 200 once it has ended; with where to look, and its warnings."""
    headers = {"Location": f"/api/v1/jobs/{job.id}"}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    shown = present_job(job, [*told, *warnings_about(job)])
    return Response(shown, 200 if job.ended_at else 202, headers=headers)
