"""Hearing a voice of one's own before it is published: its draft, or what jobs get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.api.presenting import JobDetail, present_job
from jobs.selectors import jobs_by_id
from jobs.states import Priority
from tenants.auth import caller_of
from tenants.scopes import Scope
from voices.api.asking import KnownFields, SpokenText
from voices.requests import SynthesisRequest
from voices.selectors import find_own_voice
from voices.services import Ask, submit_synthesis

if TYPE_CHECKING:
    from rest_framework.request import Request

DRAFT, PUBLISHED = "draft", "published"


class AuditionBody(KnownFields):
    """A sentence, and which of the voice's two settings is to speak it."""

    text = SpokenText()
    revision = serializers.ChoiceField(choices=[DRAFT, PUBLISHED], default=DRAFT)
    engine = serializers.RegexField(r"^[a-z0-9_]{1,40}$", required=False)


class AuditionView(APIView):
    """Somebody listens and waits, so it goes before the tenant's other jobs."""

    scopes: ClassVar = {"POST": Scope.JOBS_WRITE}

    @extend_schema(
        operation_id="audition_voice",
        request=AuditionBody,
        responses={200: JobDetail, 202: JobDetail},
        description="Hear a voice of your own: its draft, or what is published. A job like others.",
    )
    def post(self, request: Request, reference: str) -> Response:
        caller = caller_of(request)
        voice = find_own_voice(caller.tenant_id, reference)
        body = AuditionBody(data=request.data)
        body.is_valid(raise_exception=True)
        ask = Ask(caller, _wish(str(voice.id), body.validated_data), draft=_draft(body))
        submitted = submit_synthesis(ask)
        job = jobs_by_id([submitted.id])[submitted.id]
        return Response(present_job(job), status=200 if job.ended_at else 202)


def _wish(voice: str, body: dict[str, Any]) -> SynthesisRequest:
    return SynthesisRequest(
        text=body["text"],
        voice=voice,
        engine=body.get("engine"),
        priority=Priority.INTERACTIVE,
    )


def _draft(body: AuditionBody) -> bool:
    return bool(body.validated_data["revision"] == DRAFT)
