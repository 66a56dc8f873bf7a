"""Tenants and tiers. Where a tenant has no limit of its own, its tier's counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count
from django.forms import ModelForm
from django.utils.html import format_html

from tenants.admin.keys import KeyDesk, KeyInline
from tenants.admin.looks import ModelAdmin
from tenants.admin.words import badge
from tenants.models import Tenant, Tier

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

LIMITS = {
    "weight": ("Share of a busy queue", "Twice the weight is twice the share."),
    "max_running": ("Jobs at once", "Jobs in flight at once on each hardware class."),
    "max_queued": ("Jobs unfinished", "Accepted and not yet ended; more are turned away."),
    "result_days": ("Days results are kept", "Then text and audio are forgotten."),
}


class TenantForm(ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A limit of its own may be empty: the tier's value then counts, and is shown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tier = self.instance.tier if self.instance.tier_id else None
        for name, (label, meaning) in LIMITS.items():
            if name in self.fields:
                self.fields[name].label = label
                self.fields[name].help_text = limit_help(tier, name, meaning)
                self.fields[name].widget.attrs["placeholder"] = tier and f"{getattr(tier, name):g}"


def limit_help(tier: Tier | None, name: str, meaning: str) -> str:
    """Safe HTML: a tier's name is somebody's input."""
    if tier is None:
        return f"{meaning} Empty: the tier's."
    value = f"{getattr(tier, name):,g}"
    return format_html("{} Empty: {}, as in {}.", meaning, value, tier.name)


class TierForm(ModelForm):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (label, meaning) in LIMITS.items():
            if name in self.fields:
                self.fields[name].label = label
                self.fields[name].help_text = meaning


@admin.register(Tier)
class TierAdmin(ModelAdmin[Tier]):
    """What a plan allows."""

    form = TierForm
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
class TenantAdmin(KeyDesk, ModelAdmin[Tenant]):
    """A customer, its limits and its keys. It is switched off, not deleted: its jobs stay."""

    form = TenantForm
    inlines = [KeyInline]
    change_form_template = "tenants/admin/tenant.html"
    list_display = ["name", "short_name", "tier", "state"]
    list_filter = ["active"]
    list_select_related = ["tier"]
    search_fields = ["name", "slug"]
    search_help_text = "Name or short name"
    readonly_fields = ["short_name"]

    @admin.display(description="Short name")
    def short_name(self, tenant: Tenant) -> str:
        return tenant.slug

    def get_fieldsets(self, request: HttpRequest, obj: Tenant | None = None) -> list[Any]:
        """The short name is given once: programs may know the tenant by it."""
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

    def has_delete_permission(self, request: HttpRequest, obj: Tenant | None = None) -> bool:
        return False
