"""Webhooks over REST: endpoints, their secrets, and what was delivered to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.api import webhook_bodies as bodies
from jobs.webhooks import deliveries, endpoints
from jobs.webhooks.models import Delivery, Endpoint
from tenants.auth import caller_of
from tenants.paging import NewestFirst
from tenants.scopes import Scope

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

WEBHOOK = OpenApiParameter("webhook", OpenApiTypes.UUID, description="Only to this endpoint.")
JOB = OpenApiParameter("job", OpenApiTypes.UUID, description="Only of this job's events.")
STATE = OpenApiParameter("state", str, enum=Delivery.State.values)
READ, WRITE = Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE


class WebhookListView(APIView):
    """The tenant's endpoints; and a new one, which is told of events from now on."""

    scopes: ClassVar = {"GET": READ, "POST": WRITE}

    @extend_schema(operation_id="list_webhooks", responses=bodies.WebhookDetail(many=True))
    def get(self, request: Request) -> Response:
        """All of them: there are few."""
        found = endpoints.tenant_endpoints(caller_of(request).tenant_id).order_by("id")
        return Response([bodies.present_webhook(endpoint) for endpoint in found])

    @extend_schema(
        operation_id="create_webhook",
        request=bodies.WebhookBody,
        responses={201: bodies.WebhookMade},
    )
    def post(self, request: Request) -> Response:
        """The answer shows its secret, which is not shown again: what is lost is rotated."""
        asked = bodies.WebhookBody(data=request.data)
        asked.is_valid(raise_exception=True)
        tenant_id = caller_of(request).tenant_id
        made = endpoints.create_endpoint(tenant_id=tenant_id, **asked.validated_data)
        shown = bodies.present_webhook(made) | bodies.present_secret(made)
        return Response(shown, 201, headers={"Location": f"/api/v1/webhooks/{made.id}"})


class WebhookView(APIView):
    """One endpoint: looked at, changed, or deleted with all its deliveries."""

    scopes: ClassVar = {"GET": READ, "PATCH": WRITE, "DELETE": WRITE}

    @extend_schema(operation_id="get_webhook", responses=bodies.WebhookDetail)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        return Response(bodies.present_webhook(_endpoint(request, webhook_id)))

    @extend_schema(
        operation_id="change_webhook",
        request=bodies.WebhookChange(partial=True),
        responses=bodies.WebhookDetail,
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        endpoint = _endpoint(request, webhook_id)
        asked = bodies.WebhookChange(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        endpoints.change_endpoint(endpoint, **asked.validated_data)
        return Response(bodies.present_webhook(endpoint))

    @extend_schema(operation_id="delete_webhook", responses={204: None})
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        endpoints.delete_endpoint(_endpoint(request, webhook_id))
        return Response(status=204)


class WebhookRotateView(APIView):
    """A new secret. For a day the one before signs as well, so that receivers can change over."""

    scopes: ClassVar = {"POST": WRITE}

    @extend_schema(operation_id="rotate_webhook", request=None, responses=bodies.WebhookSecret)
    def post(self, request: Request, webhook_id: UUID) -> Response:
        endpoint = _endpoint(request, webhook_id)
        endpoints.rotate_secret(endpoint)
        return Response(bodies.present_secret(endpoint))


class WebhookTestView(APIView):
    """Send `webhook.test` to the endpoint, whatever events it wants."""

    scopes: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="test_webhook", request=None, responses={202: bodies.DeliveryDetail}
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        sent = endpoints.send_test(_endpoint(request, webhook_id))
        return Response(bodies.present_delivery(sent), 202)


class SigningSecretView(APIView):
    """What signs messages to a request's own `webhook_url`: one secret for the tenant."""

    scopes: ClassVar = {"GET": WRITE}

    @extend_schema(operation_id="get_signing_secret", responses=bodies.WebhookSecret)
    def get(self, request: Request) -> Response:
        own = endpoints.own_endpoint(caller_of(request).tenant_id)
        return Response(bodies.present_secret(own))


class SigningSecretRotateView(APIView):
    """A new secret for addresses of requests. For a day the one before signs as well."""

    scopes: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="rotate_signing_secret", request=None, responses=bodies.WebhookSecret
    )
    def post(self, request: Request) -> Response:
        own = endpoints.own_endpoint(caller_of(request).tenant_id)
        endpoints.rotate_secret(own)
        return Response(bodies.present_secret(own))


class DeliveryListView(GenericAPIView[Delivery]):
    """What was sent, and what came back, newest first."""

    scopes: ClassVar = {"GET": READ}
    pagination_class = NewestFirst
    serializer_class = bodies.DeliveryDetail

    @extend_schema(
        operation_id="list_deliveries",
        parameters=[WEBHOOK, JOB, STATE],
        responses=bodies.DeliveryDetail(many=True),
    )
    def get(self, request: Request) -> Response:
        found = Delivery.objects.filter(tenant_id=caller_of(request).tenant_id)
        page = self.paginate_queryset(_filtered(found.select_related("endpoint"), request))
        return self.get_paginated_response([bodies.present_delivery(one) for one in page or ()])


class DeliveryView(APIView):
    """One message: its body as it was signed, and every try."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(operation_id="get_delivery", responses=bodies.DeliveryDetail)
    def get(self, request: Request, delivery_id: UUID) -> Response:
        return Response(bodies.present_delivery(_delivery(request, delivery_id)))


class DeliveryReplayView(APIView):
    """Send a message again, at once, under its old id. One that is on its way stays there."""

    scopes: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="replay_delivery", request=None, responses={202: bodies.DeliveryDetail}
    )
    def post(self, request: Request, delivery_id: UUID) -> Response:
        deliveries.replay(_delivery(request, delivery_id))
        return Response(bodies.present_delivery(_delivery(request, delivery_id)), 202)


def _endpoint(request: Request, webhook_id: UUID) -> Endpoint:
    return endpoints.tenant_endpoint(caller_of(request).tenant_id, webhook_id)


def _delivery(request: Request, delivery_id: UUID) -> Delivery:
    return deliveries.tenant_delivery(caller_of(request).tenant_id, delivery_id)


def _filtered(found: QuerySet[Delivery], request: Request) -> QuerySet[Delivery]:
    for name, column in (("webhook", "endpoint_id"), ("job", "job")):
        if (asked := request.query_params.get(name)) is not None:
            found = found.filter(**{column: _uuid(name, asked)})
    if (state := request.query_params.get("state")) is not None:
        if state not in Delivery.State.values:
            raise ValidationError({"state": [f"One of {', '.join(Delivery.State.values)}."]})
        found = found.filter(state=state)
    return found


def _uuid(name: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValidationError({name: ["This must be an id."]}) from None
