"""Tenants and tiers. Where a tenant has no limit of its own, its tier's counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join

from tenants.admin.keys import KeyDesk, KeyInline
from tenants.admin.limits import LIMITS, LimitsForm, allowances, limit_help, limit_words
from tenants.admin.members import PeopleDesk, PeopleInline
from tenants.admin.noted import NotedAdmin
from tenants.admin.owned import granted, member_of
from tenants.admin.words import badge
from tenants.models import Tenant, Tier
from tenants.roles import Right

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString


class TenantForm(LimitsForm):
    """A limit of its own may be empty: the tier's value then counts, and is shown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tier = self.instance.tier if self.instance.tier_id else None
        for name in LIMITS.keys() & self.fields.keys():
            self.fields[name].help_text = limit_help(tier, name)
            if tier is not None:
                words = limit_words(name, getattr(tier, name))
                self.fields[name].widget.attrs["placeholder"] = words


@admin.register(Tier)
class TierAdmin(NotedAdmin[Tier]):
    """What a plan allows."""

    form = LimitsForm
    list_display = ["name", "speaks", "weight", "max_running", "max_queued", "result_days", "used"]
    fields = ["name", "slug", "speaks", *LIMITS]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tier]:
        return super().get_queryset(request).annotate(tenant_count=Count("tenants"))

    @admin.display(description="Tenants")
    def used(self, tier: Any) -> int:
        count: int = tier.tenant_count
        return count

    def get_readonly_fields(self, request: HttpRequest, obj: Tier | None = None) -> list[str]:
        return ["slug"] if obj else []

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Tier | None = None
    ) -> dict[str, Any]:
        return {} if obj else {"slug": ["name"]}


@admin.register(Tenant)
class TenantAdmin(KeyDesk, PeopleDesk, NotedAdmin[Tenant]):
    """A customer, its limits, keys and people. It is switched off, not deleted: its jobs stay."""

    rights = {"view": Right.PEOPLE}
    form = TenantForm
    inlines = [KeyInline, PeopleInline]
    change_form_template = "tenants/admin/tenant.html"
    list_display = ["name", "short_name", "tier", "state"]
    list_filter = ["active"]
    list_select_related = ["tier"]
    search_fields = ["name", "slug"]
    search_help_text = "Name or short name"
    readonly_fields = ["short_name", "plan", "allowed"]

    @admin.display(description="Short name")
    def short_name(self, tenant: Tenant) -> str:
        return tenant.slug

    def get_fieldsets(self, request: HttpRequest, obj: Tenant | None = None) -> list[Any]:
        """The short name is given once: programs may know the tenant by it."""
        if member_of(request) is not None:
            return [(None, {"fields": ["name", "short_name", "plan", "commercial", "allowed"]})]
        name = "short_name" if obj else "slug"
        return [
            (None, {"fields": ["name", name, "tier", "active", "commercial"]}),
            ("Limits of its own", {"fields": list(LIMITS)}),
        ]

    @admin.display(description="Active", ordering="active")
    def state(self, tenant: Tenant) -> SafeString:
        return badge("active", "good") if tenant.active else badge("switched off", "plain")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        return super().get_queryset(request).select_related("tier")

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Tenant | None = None
    ) -> dict[str, Any]:
        return {} if obj else {"slug": ["name"]}

    @admin.display(description="Plan")
    def plan(self, tenant: Tenant) -> str:
        return tenant.tier.name

    @admin.display(description="It may have")
    def allowed(self, tenant: Tenant) -> SafeString:
        return format_html_join("", "<div>{}: {}</div>", allowances(tenant))

    def tenant_of(self, row: Tenant) -> UUID:
        return row.id

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A tenant's people have no list: there is their own."""
        member = member_of(request)
        if member is None:
            return super().changelist_view(request, extra_context)
        if not self.has_view_permission(request):
            raise PermissionDenied
        address = reverse("admin:tenants_tenant_change", args=[member.tenant_id])
        return HttpResponseRedirect(address)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {
            "may_issue": granted(request, "tenants.add_apikey", Right.KEYS),
            "may_invite": granted(request, "tenants.add_membership", Right.PEOPLE),
        }
        return super().change_view(request, object_id, form_url, may | (extra_context or {}))

    def has_delete_permission(self, request: HttpRequest, obj: Tenant | None = None) -> bool:
        return False
