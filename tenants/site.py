"""The admin for two kinds of people: the platform's staff, and the people of a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenants.people import membership_of

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.contrib.admin.models import LogEntry
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
else:
    from unfold.sites import UnfoldAdminSite as AdminSite

TOO_MANY = 429


class Site(AdminSite):
    """Who may come in. What they may see there, each page says (tenants/admin/owned.py)."""

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) or membership_of(request.user) is not None

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A try that came too soon is told so to programs as well."""
        response = super().login(request, extra_context)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if wait := getattr(form, "wait", 0):
            response.status_code = TOO_MANY
            response.headers["Retry-After"] = str(wait)
        return response

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """Nobody's deeds stand beside every page; what was done to a row is in its history."""
        return super().get_log_entries(request).none()
