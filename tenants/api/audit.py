"""The tenant's audit log over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView

from tenants.audit import PLATFORM, STAFF
from tenants.auth import caller_of
from tenants.models import AuditLine
from tenants.paging import NewestCountedFirst
from tenants.scopes import Scope

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

ACTION = OpenApiParameter("action", str, description="Only these deeds, such as `key.issued`.")


class AuditActor(serializers.Serializer[Any]):
    """`kind`: `person`, `key`, `platform`; `somebody` who was not let in."""

    kind = serializers.CharField()
    id = serializers.CharField(allow_blank=True)
    name = serializers.CharField()


class AuditObject(serializers.Serializer[Any]):
    kind = serializers.CharField(allow_blank=True)
    id = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)


class AuditEntry(serializers.Serializer[Any]):
    """Who did what to what, and when."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    action = serializers.CharField()
    actor = AuditActor()
    object = AuditObject()
    detail = serializers.DictField()
    request_id = serializers.CharField(allow_blank=True)


class AuditView(GenericAPIView[AuditLine]):
    """What was done to what is the tenant's, newest first."""

    scopes: ClassVar = {"GET": Scope.AUDIT_READ}
    pagination_class = NewestCountedFirst
    serializer_class = AuditEntry

    @extend_schema(operation_id="list_audit", parameters=[ACTION], responses=AuditEntry(many=True))
    def get(self, request: Request) -> Response:
        lines = AuditLine.objects.filter(tenant_id=caller_of(request).tenant_id)
        if action := request.query_params.get("action"):
            lines = lines.filter(action=action)
        page = self.paginate_queryset(lines)
        return self.get_paginated_response([_present(line) for line in page or ()])


def _present(line: AuditLine) -> dict[str, Any]:
    return {
        "id": line.id,
        "at": line.at.isoformat().replace("+00:00", "Z"),
        "action": line.action,
        "actor": _actor(line),
        "object": {"kind": line.object_kind, "id": line.object_id, "name": line.object_name},
        "detail": line.detail,
        "request_id": line.request_id,
    }


def _actor(line: AuditLine) -> dict[str, str]:
    """The platform's staff is the platform."""
    if line.actor_kind == STAFF:
        return {"kind": PLATFORM.kind, "id": "", "name": PLATFORM.name}
    return {"kind": line.actor_kind, "id": line.actor_id, "name": line.actor_name}
