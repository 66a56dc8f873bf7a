"""Event streams as the OpenAPI file shows them. The streams themselves: jobs/streams/serving.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.views import APIView

from jobs.streams.asking import Asked, admit_stream
from jobs.streams.serving import HEADERS
from jobs.streams.telling import NAMES
from tenants.scopes import Scope

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

WHERE = "The id of the last event that was received: the stream goes on right after it."
LAST = [
    OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER, description=WHERE),
    OpenApiParameter(
        "last_event_id", str, description=f"{WHERE} For clients that cannot send the header."
    ),
]
FILTERS = [
    OpenApiParameter(
        "types",
        str,
        many=True,
        explode=False,
        enum=sorted(NAMES),
        description="Only these events.",
    ),
    OpenApiParameter("kind", str, description="Only jobs of this kind, such as `synthesize`."),
]
TOLD = (
    "Server-Sent Events. An event `stream.gap` says that something between Last-Event-ID and what"
    " follows is not kept."
)


class StreamEvent(serializers.Serializer[Any]):
    """One event of a stream."""

    event = serializers.CharField(help_text="Its type.")
    id = serializers.CharField(help_text="What to send as Last-Event-ID.")
    data = serializers.CharField(  # type: ignore[assignment]  # a field's name, not the property
        help_text="A JSON object of `job_id`, `kind`, `state`, `progress`, `details`,"
        " `error`, `result`, `audio_url`, `at`. `details` are a training's steps and losses."
    )


STREAM: dict[Any, Any] = {
    (200, HEADERS["Content-Type"]): OpenApiResponse(StreamEvent, description=TOLD)
}


class EventsView(APIView):
    """What happens to the tenant's jobs, as it happens."""

    scopes: ClassVar = {"GET": Scope.JOBS_READ}

    @extend_schema(operation_id="stream_events", parameters=LAST + FILTERS, responses=STREAM)
    def get(self, request: Request) -> HttpResponse:
        return _open(request, None)


class JobEventsView(APIView):
    """What has happened to a job and what happens to it. Ends with the job's last event.

    204 where that was the Last-Event-ID: there is nothing left to come back for.
    """

    scopes: ClassVar = {"GET": Scope.JOBS_READ}

    @extend_schema(
        operation_id="stream_job_events",
        parameters=LAST,
        responses=STREAM | {204: OpenApiResponse(description="Nothing will happen any more.")},
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponse:
        return _open(request, job_id)


def _open(request: Request, job_id: UUID | None) -> HttpResponse:
    """The head of the answer. The server streams the rest before a GET comes here; a HEAD does."""
    asked = Asked(
        job_id,
        request.META.get("QUERY_STRING", ""),
        request.headers.get("Authorization", ""),
        request.headers.get("Last-Event-ID", ""),
    )
    status = 204 if admit_stream(asked).opening.nothing else 200
    return HttpResponse(status=status, headers=HEADERS)
