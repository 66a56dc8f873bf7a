"""Speech over REST: synthesize, bulk, audio, usage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs import selectors as jobs_selectors
from jobs.api.presenting import JobDetail
from tenants.auth import caller_of
from tenants.scopes import Scope
from voices.api import asking
from voices.api.answers import Post, answer_all
from voices.api.presenting import (
    LinkDetail,
    UsageReport,
    present_batch,
    present_usage,
)
from voices.api.serving import audio_responses, serve_audio
from voices.audio import audio_of, link_to, linked_audio
from voices.bulk import submit_bulk

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest
    from rest_framework.request import Request

IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="Kept for a day, per tenant."
)
PREFER = OpenApiParameter(
    "Prefer", str, OpenApiParameter.HEADER, description="`wait=N`: answer when the job has ended."
)
SINCE = OpenApiParameter("since", OpenApiTypes.DATE, description="First day; default: 30 days ago.")
UNTIL = OpenApiParameter("until", OpenApiTypes.DATE, description="Last day; default: today.")
REPORT_DAYS = 30


class SynthesizeView(APIView):
    """Have a text spoken. 202 with the job; 200 where the same was spoken before."""

    scopes: ClassVar = {"POST": Scope.JOBS_WRITE}

    @extend_schema(
        operation_id="synthesize",
        request=asking.SynthesisBody,
        parameters=[IDEMPOTENCY, PREFER],
        responses={200: JobDetail, 202: JobDetail},
    )
    def post(self, request: Request) -> HttpResponse:
        # As the intake answers, for a server that has none before its views.
        plain = request._request  # noqa: SLF001 - its body is read by the same hand
        [reply] = answer_all(
            [
                Post(
                    plain.body,
                    plain.headers.get("Content-Type", ""),
                    plain.headers.get("Authorization", ""),
                    plain.headers.get("Idempotency-Key"),
                )
            ]
        )
        return HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))


class BulkView(APIView):
    """Have up to a thousand texts spoken. Each item is checked alone and answered in its place."""

    scopes: ClassVar = {"POST": Scope.JOBS_WRITE}

    @extend_schema(
        operation_id="synthesize_bulk",
        request=asking.BulkBody,
        parameters=[IDEMPOTENCY],
        responses={202: asking.BulkAnswer},
    )
    def post(self, request: Request) -> Response:
        caller = caller_of(request)
        batch = submit_bulk(
            caller,
            asking.BulkBody.read(request.data)["items"],
            read=asking.read_synthesis,
            key=asking.idempotency_key(request.headers.get("Idempotency-Key")),
        )
        headers = {"Idempotent-Replayed": "true"} if batch.replayed else {}
        return Response(present_batch(batch), 202, headers=headers)


class AudioView(APIView):
    """The audio of a job, with Range and ETag (its SHA-256)."""

    scopes: ClassVar = {"GET": Scope.JOBS_READ}

    @extend_schema(
        operation_id="get_audio",
        responses=audio_responses("audio/*"),
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponse:
        job = jobs_selectors.tenant_job(caller_of(request).tenant_id, job_id)
        return serve_audio(request._request, audio_of(job))  # noqa: SLF001 - a plain answer


class AudioLinkView(APIView):
    """A link to the audio that works without a key, for a few minutes."""

    scopes: ClassVar = {"GET": Scope.JOBS_READ}

    @extend_schema(operation_id="link_audio", responses=LinkDetail)
    def get(self, request: Request, job_id: UUID) -> Response:
        job = jobs_selectors.tenant_job(caller_of(request).tenant_id, job_id)
        link = link_to(audio_of(job))
        return Response({"url": link.url, "expires_at": link.expires_at})


class UsageView(APIView):
    """What the tenant used, by day and provider. Days are UTC."""

    scopes: ClassVar = {"GET": Scope.USAGE_READ}

    @extend_schema(operation_id="get_usage", parameters=[SINCE, UNTIL], responses=UsageReport)
    def get(self, request: Request) -> Response:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        since = asking.day(request, "since") or today - timedelta(days=REPORT_DAYS)
        until = asking.day(request, "until") or today
        rows = jobs_selectors.usage_by_day(
            caller_of(request).tenant_id, since=since, until=until + timedelta(days=1)
        )
        return Response(present_usage(since, until, rows))


def serve_link(request: HttpRequest, name: str) -> HttpResponse:
    """A signed link of the local folder store."""
    return serve_audio(request, linked_audio(name, request.META["QUERY_STRING"]))
