"""Hearing a voice of one's own before it is published: its draft, or what jobs get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.views import APIView

from jobs.api.presenting import JobDetail
from jobs.selectors import tenant_job
from jobs.states import Priority
from tenants.auth import caller_of
from tenants.scopes import Scope
from voices.api.accepted import accepted
from voices.api.asking import KnownFields, SpokenText
from voices.api.own_voices import mine
from voices.requests import ENGINE, SynthesisRequest
from voices.services import Ask, submit_synthesis

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

DRAFT, PUBLISHED = "draft", "published"


class AuditionBody(KnownFields):
    """A sentence, and which of the voice's two settings is to speak it."""

    text = SpokenText()
    revision = serializers.ChoiceField(choices=[DRAFT, PUBLISHED], default=DRAFT)
    engine = serializers.RegexField(ENGINE, required=False)


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
        caller, voice = caller_of(request), mine(request, reference)
        body = AuditionBody.read(request.data)
        draft = body["revision"] == DRAFT
        submitted = submit_synthesis(Ask(caller, _wish(str(voice.id), body), draft=draft))
        return accepted(tenant_job(caller.tenant_id, submitted.id))


def _wish(voice: str, body: dict[str, Any]) -> SynthesisRequest:
    return SynthesisRequest(
        text=body["text"],
        voice=voice,
        engine=body.get("engine"),
        priority=Priority.INTERACTIVE,
    )
