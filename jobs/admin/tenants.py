"""The tenants' list, with how much each has unfinished in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import IntegerField
from django.db.models.expressions import RawSQL
from django.urls import reverse
from django.utils.html import format_html

from jobs.admin.overview import MANY, many
from tenants.admin.tenants import TenantAdmin
from tenants.models import Tenant

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

LIVE = """
    (SELECT count(*) FROM (SELECT 1 FROM jobs_job j
      WHERE j.tenant_id = tenants_tenant.id AND j.ended_at IS NULL LIMIT %s) AS live)"""

admin.site.unregister(Tenant)


@admin.register(Tenant)
class BusyTenantAdmin(TenantAdmin):
    """Tenants know nothing of jobs: the ledger adds its column."""

    list_display = [*TenantAdmin.list_display, "live_jobs"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        live = RawSQL(LIVE, [MANY + 1], output_field=IntegerField())  # noqa: S611 - no input in it
        return super().get_queryset(request).annotate(live=live)

    @admin.display(description="Unfinished jobs")
    def live_jobs(self, tenant: Any) -> SafeString:
        address = f"{reverse('admin:jobs_job_changelist')}?tenant__id__exact={tenant.id}"
        return format_html('<a class="vm-link" href="{}">{}</a>', address, many(tenant.live))
