"""Jobs over REST: list, look, cancel, retry; and batches of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs import selectors
from jobs.api.presenting import JobDetail, present_job
from jobs.errors import BatchNotFoundError
from jobs.models import Job
from jobs.services import endings
from jobs.states import FINAL, State
from tenants.auth import caller_of
from tenants.paging import NewestFirst
from tenants.scopes import Scope

if TYPE_CHECKING:
    from rest_framework.request import Request

WAIT = OpenApiParameter(
    "wait",
    int,
    description="Seconds (1 to 60) to wait for the job to end before answering.",
)
STATE = OpenApiParameter("state", str, enum=[state.value for state in State])
BATCH = OpenApiParameter("batch", OpenApiTypes.UUID, description="Only the jobs of this batch.")


class BatchDetail(serializers.Serializer[Any]):
    """How a batch stands: its jobs by state."""

    id = serializers.UUIDField()
    jobs = serializers.DictField(child=serializers.IntegerField())
    ended = serializers.BooleanField()


class JobListView(GenericAPIView[Job]):
    """The tenant's jobs, newest first."""

    scopes: ClassVar = {"GET": Scope.JOBS_READ}
    pagination_class = NewestFirst
    serializer_class = JobDetail

    @extend_schema(
        operation_id="list_jobs", parameters=[STATE, BATCH], responses=JobDetail(many=True)
    )
    def get(self, request: Request) -> Response:
        found = selectors.tenant_jobs(caller_of(request).tenant_id)
        page = self.paginate_queryset(_filtered(found, request))
        return self.get_paginated_response([present_job(job) for job in page or ()])


class JobView(APIView):
    """One job. With `?wait=` the answer comes when the job has ended, or the time is over."""

    scopes: ClassVar = {"GET": Scope.JOBS_READ}

    @extend_schema(operation_id="get_job", parameters=[WAIT], responses=JobDetail)
    def get(self, request: Request, job_id: UUID) -> Response:
        job = selectors.tenant_job(caller_of(request).tenant_id, job_id)
        return Response(present_job(job, selectors.warnings_about(job)))


class JobCancelView(APIView):
    """Ask for a job to be cancelled: at once where it has not started, else within seconds."""

    scopes: ClassVar = {"POST": Scope.JOBS_WRITE}

    @extend_schema(operation_id="cancel_job", request=None, responses=JobDetail)
    def post(self, request: Request, job_id: UUID) -> Response:
        tenant_id = caller_of(request).tenant_id
        endings.cancel_job(tenant_id=tenant_id, job_id=job_id)
        return Response(present_job(selectors.tenant_job(tenant_id, job_id)))


class JobRetryView(APIView):
    """A new job with the same request and the same revision of the voice."""

    scopes: ClassVar = {"POST": Scope.JOBS_WRITE}

    @extend_schema(operation_id="retry_job", request=None, responses={202: JobDetail})
    def post(self, request: Request, job_id: UUID) -> Response:
        caller = caller_of(request)
        accepted = endings.retry_job(
            tenant_id=caller.tenant_id, job_id=job_id, ceiling=caller.max_queued
        )
        job = selectors.tenant_job(caller.tenant_id, accepted.id)
        return Response(present_job(job), 202, headers={"Location": f"/api/v1/jobs/{job.id}"})


class BatchView(APIView):
    """How the jobs of a bulk submit stand."""

    scopes: ClassVar = {"GET": Scope.JOBS_READ}

    @extend_schema(operation_id="get_batch", responses=BatchDetail)
    def get(self, request: Request, batch_id: UUID) -> Response:
        return Response(_present_batch(caller_of(request).tenant_id, batch_id))


class BatchCancelView(APIView):
    """Cancel what of a batch has not ended."""

    scopes: ClassVar = {"POST": Scope.JOBS_WRITE}

    @extend_schema(operation_id="cancel_batch", request=None, responses=BatchDetail)
    def post(self, request: Request, batch_id: UUID) -> Response:
        tenant_id = caller_of(request).tenant_id
        endings.cancel_batch(tenant_id=tenant_id, batch_id=batch_id)
        return Response(_present_batch(tenant_id, batch_id))


def _filtered(found: Any, request: Request) -> Any:
    if state := request.query_params.get("state"):
        if state not in set(State):
            raise ValidationError({"state": [f"One of {', '.join(State)}."]})
        found = found.filter(state=state)
    if batch := request.query_params.get("batch"):
        if not _is_uuid(batch):
            raise ValidationError({"batch": ["This must be the id of a batch."]})
        found = found.filter(batch_id=batch)
    return found


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _present_batch(tenant_id: UUID, batch_id: UUID) -> dict[str, Any]:
    jobs = selectors.jobs_in_batch(tenant_id, batch_id)
    if not jobs:
        raise BatchNotFoundError
    return {"id": str(batch_id), "jobs": jobs, "ended": set(jobs) <= FINAL}
