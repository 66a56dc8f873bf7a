"""The admin for two kinds of people: the platform's staff, and the people of a tenant."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.urls import reverse

from tenants.people import membership_of

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.contrib.admin.models import LogEntry
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase
else:
    from unfold.sites import UnfoldAdminSite as AdminSite

TOO_MANY = 429
Answer = TypeVar("Answer", bound="HttpResponseBase")


class Site(AdminSite):
    """Who may come in. What they may see there, each page says (tenants/admin/owned.py)."""

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) or membership_of(request.user) is not None

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return told_to_wait(super().login(request, extra_context))

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """As Unfold's, whose form does not know where a try comes from."""
        from django.contrib.auth.views import PasswordChangeView

        from tenants.admin.own_password import OwnPasswordForm

        request.current_app = self.name
        view = PasswordChangeView.as_view(
            form_class=partial(OwnPasswordForm, request=request),
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return told_to_wait(view(request))

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """Nobody's deeds stand beside every page; what was done to a row is in its history."""
        return super().get_log_entries(request).none()


def told_to_wait(response: Answer) -> Answer:
    """A try that came too soon is told so to programs as well."""
    form = (getattr(response, "context_data", None) or {}).get("form")
    if wait := getattr(form, "wait", 0):
        response.status_code = TOO_MANY
        response.headers["Retry-After"] = str(wait)
    return response
