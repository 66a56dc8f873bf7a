"""A tenant's own limits: its own where it has one, else its tier's; counted under its lock."""

from __future__ import annotations

from dataclasses import dataclass, fields
from http import HTTPStatus
from typing import TYPE_CHECKING

from tenants.models import Tenant

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet


class LimitReachedError(Exception):
    """This tenant has as much as it may have."""

    code = "limit_reached"
    status = HTTPStatus.FORBIDDEN

    def __init__(self, limit: str, allowed: int, *, retry_after: int | None = None) -> None:
        super().__init__(f"This tenant has as many {limit} as it may have: {allowed}.")
        self.details = {"limit": limit, "allowed": allowed}
        if retry_after is not None:
            self.status, self.retry_after = HTTPStatus.TOO_MANY_REQUESTS, retry_after


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """Resolved. None is no limit."""

    custom_voices: int | None
    sample_bytes: int
    clones_per_hour: int
    trainings_per_hour: int


def lock_limits(tenant_id: UUID) -> TenantLimits:
    """The limits, held until the transaction ends: two who count cannot both be the last one in."""
    return _resolved(Tenant.objects.select_for_update(of=("self",), no_key=True), tenant_id)


def limits_of(tenant_id: UUID) -> TenantLimits:
    return _resolved(Tenant.objects.all(), tenant_id)


def _resolved(tenants: QuerySet[Tenant], tenant_id: UUID) -> TenantLimits:
    tenant = tenants.select_related("tier").get(id=tenant_id)
    return TenantLimits(**{field.name: tenant.limit(field.name) for field in fields(TenantLimits)})
