"""A tenant's keys: seen, issued, rotated, revoked. A token is shown once, by its own POST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from tenants import services
from tenants.admin.buttons import Button, posted
from tenants.admin.looks import LookedAt
from tenants.admin.owned import OwnedAdmin, OwnedInline, granted, member_of, rows_of
from tenants.admin.words import badge, lasted, plain, when
from tenants.audit import of_person
from tenants.models import ApiKey, Tenant
from tenants.roles import Right
from tenants.scopes import ALL_SCOPES, Scope

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from tenants.services import IssuedKey

SCOPE_WORDS = {
    Scope.JOBS_READ: "See its jobs and hear their audio",
    Scope.JOBS_WRITE: "Have text spoken, cancel and retry jobs",
    Scope.VOICES_READ: "See which voices there are",
    Scope.VOICES_WRITE: "Add samples and consents, clone, change and publish voices",
    Scope.VOICES_ERASE: "Erase voices and personalities, with all that was made from them",
    Scope.PERSONALITIES_READ: "See its personalities and their prompts",
    Scope.PERSONALITIES_WRITE: "Change its personalities",
    Scope.USAGE_READ: "See what was used and what it cost",
    Scope.WEBHOOKS_READ: "See its webhooks and what was sent to them",
    Scope.WEBHOOKS_WRITE: "Change its webhooks, see their secrets, send again",
    Scope.AUDIT_READ: "See who did what",
}


class IssueKeyForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        widget=UnfoldAdminTextInputWidget,
        help_text="What it is for, such as “web shop”: the tenant sees it beside the key.",
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(scope.value, words) for scope, words in SCOPE_WORDS.items()],
        initial=ALL_SCOPES,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )


class KeyInline(LookedAt, OwnedInline[ApiKey, Tenant]):
    """The tenant's keys, newest first, with what can be done to each."""

    rights = {"view": Right.KEYS}
    model = ApiKey
    fields = ("what", "may", "state", "used", "made", "buttons")
    readonly_fields = ("what", "may", "state", "used", "made", "buttons")
    hide_title = True
    verbose_name_plural = "Keys"
    template_after = "tenants/admin/none_yet.html"
    none_yet = "No program has a key yet: “New key” above issues one."

    def get_queryset(self, request: HttpRequest) -> Any:
        live = Exists(services.live_keys().filter(pk=OuterRef("pk")))
        return super().get_queryset(request).annotate(live=live)

    @admin.display(description="Name")
    def what(self, key: ApiKey) -> SafeString:
        return format_html("{}<br><code>vm_{}_…</code>", key.name, key.id)

    @admin.display(description="It may")
    def may(self, key: ApiKey) -> str:
        words = {scope.value: word for scope, word in SCOPE_WORDS.items()}
        if set(key.scopes) == set(ALL_SCOPES):
            return "Do everything a key can"
        return "; ".join(words.get(scope, scope) for scope in key.scopes) or plain(None)

    @admin.display(description="State")
    def state(self, key: ApiKey) -> SafeString:
        return key_state(key)

    @admin.display(description="Last used")
    def used(self, key: ApiKey) -> str:
        return when(key.last_used_at) if key.last_used_at else "never"

    @admin.display(description="Issued")
    def made(self, key: ApiKey) -> str:
        return when(key.created_at)

    @admin.display(description="")
    def buttons(self, key: Any) -> SafeString:
        if not key.live:
            return SafeString("&nbsp;")
        rotate = Button(
            "Rotate",
            reverse("admin:tenants_apikey_rotate", args=[key.id]),
            f"Replace “{key.name}” by a new key? The old one works for a week longer.",
        )
        revoke = Button(
            "Revoke",
            reverse("admin:tenants_apikey_revoke", args=[key.id]),
            f"Revoke “{key.name}”? Whoever uses it is locked out within seconds, for good.",
            "bad",
        )
        return format_html('<span class="vm-buttons">{}{}</span>', rotate, revoke)


def key_state(key: ApiKey) -> SafeString:
    """Live, expiring, expired or revoked."""
    if key.revoked_at is not None:
        return badge("revoked", "bad")
    if key.expires_at is None:
        return badge("live", "good")
    left = key.expires_at - timezone.now()
    if left.total_seconds() <= 0:
        return badge("expired", "plain")
    return badge(f"expires in {lasted(left)}", "warn")


class KeyDesk(OwnedAdmin[Tenant]):
    """The tenant's page as the place where keys are handed out."""

    owned_by = "pk"

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path(
                "<uuid:tenant_id>/issue-key/",
                site.admin_view(self.issue_key),
                name="tenants_tenant_issue_key",
            ),
            path(
                "keys/<str:key_id>/rotate/",
                posted(site, self.rotate_key),
                name="tenants_apikey_rotate",
            ),
            path(
                "keys/<str:key_id>/revoke/",
                posted(site, self.revoke_key),
                name="tenants_apikey_revoke",
            ),
            *super().get_urls(),
        ]

    def issue_key(self, request: HttpRequest, tenant_id: UUID) -> HttpResponse:
        """The form; posted, the new key's token instead."""
        tenant = get_object_or_404(self.get_queryset(request), id=tenant_id)
        _check(request, "tenants.add_apikey")
        form = IssueKeyForm(request.POST or None)
        if form.is_valid():
            actor = of_person(request.user)
            issued = services.issue_key(tenant=tenant, actor=actor, **form.cleaned_data)
            return self._show_once(request, issued, f"Issued the key “{issued.key}”.")
        context = self._context(request, tenant, f"New key for {tenant}") | {"form": form}
        return TemplateResponse(request, "tenants/admin/issue_key.html", context)

    def rotate_key(self, request: HttpRequest, key_id: str) -> HttpResponse:
        """A new key beside the old one, which works for a week longer."""
        key = _key(request, key_id)
        _check(request, "tenants.add_apikey")
        try:
            issued = services.rotate_key(key=key, actor=of_person(request.user))
        except services.RotationError as error:
            return self._back(request, key, messages.ERROR, str(error))
        return self._show_once(request, issued, f"Rotated the key “{key}” into “{issued.key}”.")

    def revoke_key(self, request: HttpRequest, key_id: str) -> HttpResponse:
        key = _key(request, key_id)
        _check(request, "tenants.change_apikey")
        if not services.revoke_key(key=key, actor=of_person(request.user)):
            return self._back(request, key, messages.INFO, f"“{key.name}” was revoked before.")
        self.log_change(request, key.tenant, f"Revoked the key “{key}”.")
        return self._back(request, key, messages.SUCCESS, f"“{key.name}” is revoked.")

    def _back(self, request: HttpRequest, key: ApiKey, level: int, text: str) -> HttpResponse:
        self.message_user(request, text, level)
        return HttpResponseRedirect(reverse("admin:tenants_tenant_change", args=[key.tenant_id]))

    def _show_once(self, request: HttpRequest, issued: IssuedKey, note: str) -> HttpResponse:
        """The answer to the POST itself: the token is stored nowhere, not even in the session."""
        tenant = issued.key.tenant
        self.log_change(request, tenant, note)
        context = self._context(request, tenant, f"A key for {tenant}") | {"issued": issued}
        return TemplateResponse(request, "tenants/admin/key_issued.html", context)

    def _context(self, request: HttpRequest, tenant: Tenant, title: str) -> dict[str, Any]:
        context = self.admin_site.each_context(request)
        return context | {"title": title, "tenant": tenant, "opts": self.opts}


def _key(request: HttpRequest, key_id: str) -> ApiKey:
    keys = ApiKey.objects.select_related("tenant")
    return get_object_or_404(rows_of(keys, member_of(request)), id=key_id)


def _check(request: HttpRequest, permission: str) -> None:
    if not granted(request, permission, Right.KEYS):
        raise PermissionDenied
