"""A personality's voice over REST: how it stands, and having it speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.api.presenting import JobDetail, present_job
from jobs.selectors import tenant_job, warnings_about
from personalities.api import bodies, presenting
from personalities.selectors import find_personality
from personalities.speaking import speak_as
from personalities.voice_state import voice_state
from tenants.about import note
from tenants.auth import caller_of
from tenants.scopes import Scope
from voices.api.asking import idempotency_key, read_synthesis
from voices.api.views import IDEMPOTENCY, PREFER
from voices.requests import body_hash
from voices.services import Ask

if TYPE_CHECKING:
    from rest_framework.request import Request

    from jobs.models import Job
    from personalities.models import Personality


class VoiceConfigurationView(APIView):
    """How the personality sounds, from what, and how it did lately."""

    scopes: ClassVar = {"GET": Scope.PERSONALITIES_READ}

    @extend_schema(operation_id="get_personality_voice", responses=presenting.VoiceConfiguration)
    def get(self, request: Request, personality: str) -> Response:
        found = find_personality(caller_of(request).tenant_id, personality)
        return Response(presenting.present_configuration(found, voice_state(found)))


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
        return _accepted(found, job, replayed=submitted.replayed)


def _accepted(personality: Personality, job: Job, *, replayed: bool) -> Response:
    headers = {"Location": f"/api/v1/jobs/{job.id}"}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    told = [*_stand_in(personality, job), *warnings_about(job)]
    return Response(present_job(job, told), 200 if job.ended_at else 202, headers=headers)


def _stand_in(personality: Personality, job: Job) -> list[str]:
    if not job.request.get("stand_in"):
        return []
    spoken_by = job.request["voice"]
    return [f"{personality.slug} has no voice that can speak now: {spoken_by} stands in."]
