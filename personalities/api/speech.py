"""Having a personality speak over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.views import APIView

from jobs.api.presenting import JobDetail
from jobs.selectors import tenant_job
from personalities.api import bodies
from personalities.selectors import find_personality
from personalities.speaking import speak_as
from tenants.about import note
from tenants.auth import caller_of
from tenants.scopes import Scope
from voices.api.accepted import accepted
from voices.api.asking import idempotency_key, read_synthesis
from voices.api.views import IDEMPOTENCY, PREFER
from voices.requests import body_hash
from voices.services import Ask

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

    from jobs.models import Job
    from personalities.models import Personality


class GenerateView(APIView):
    """Have a text spoken by the personality. 202 with the job; 200 where it was spoken before."""

    scopes: ClassVar = {"POST": Scope.JOBS_WRITE}

    @extend_schema(
        operation_id="generate",
        request=bodies.GenerateBody,
        parameters=[IDEMPOTENCY, PREFER],
        responses={200: JobDetail, 202: JobDetail},
    )
    def post(self, request: Request, personality: str) -> Response:
        caller = caller_of(request)
        found = find_personality(caller.tenant_id, personality)
        key = idempotency_key(request.headers.get("Idempotency-Key"))
        asked = read_synthesis(request.data, bodies.SPOKEN)
        said = body_hash({"personality": str(found.id), "body": request.data})
        submitted = speak_as(found, Ask(caller, asked, key, said))
        note(job=submitted.id)
        job = tenant_job(caller.tenant_id, submitted.id)
        return accepted(job, replayed=submitted.replayed, told=_stand_in(found, job))


def _stand_in(personality: Personality, job: Job) -> list[str]:
    if not job.request.get("stand_in"):
        return []
    spoken_by = job.request["voice"]
    return [f"{personality.slug} has no voice that can speak now: {spoken_by} stands in."]
