"""A tenant's people: seen, added, given a role or a new password, removed. By owners, or staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from tenants import people
from tenants.admin.buttons import Button, posted
from tenants.admin.looks import LookedAt
from tenants.admin.owned import OwnedAdmin, OwnedInline, granted, member_of, rows_of
from tenants.admin.words import badge, when
from tenants.audit import of_person
from tenants.models import Membership, Tenant
from tenants.roles import Right, Role

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

ROLE_WORDS = {
    Role.OWNER: "Owner: all that an editor does; erases; keys, people, webhooks, the audit log",
    Role.EDITOR: "Editor: makes personalities and voices, has text spoken, publishes",
    Role.VIEWER: "Viewer: sees and hears",
}


class PersonForm(forms.Form):
    name = forms.CharField(
        max_length=60,
        widget=UnfoldAdminTextInputWidget,
        help_text="Such as “ann”. Letters, digits, dots, dashes and underscores.",
    )
    role = forms.ChoiceField(
        choices=[(role.value, words) for role, words in ROLE_WORDS.items()],
        initial=Role.VIEWER.value,
        widget=UnfoldAdminRadioSelectWidget,
    )


class PeopleInline(LookedAt, OwnedInline[Membership, Tenant]):
    """Who may sign in for the tenant, with what can be done to each."""

    rights = {"view": Right.PEOPLE}
    model = Membership
    fields = ("who", "may", "came", "buttons")
    readonly_fields = ("who", "may", "came", "buttons")
    hide_title = True
    verbose_name_plural = "People"
    template_after = "tenants/admin/none_yet.html"
    none_yet = "Nobody signs in for this tenant yet: “New person” above lets the first owner in."

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user")

    @admin.display(description="Signs in as")
    def who(self, person: Membership) -> SafeString:
        state = "" if person.user.is_active else badge("locked out", "bad")
        return format_html("{} {}", person.user.get_username(), state)

    @admin.display(description="Role")
    def may(self, person: Membership) -> SafeString:
        return badge(person.role, "info", ROLE_WORDS[Role(person.role)])

    @admin.display(description="Last signed in")
    def came(self, person: Membership) -> str:
        return when(person.user.last_login) if person.user.last_login else "never"

    @admin.display(description="")
    def buttons(self, person: Membership) -> SafeString:
        made = format_html_join("", "{}", ((button,) for button in buttons_of(person)))
        return format_html('<span class="vm-buttons">{}</span>', made)


def buttons_of(person: Membership) -> list[Button]:
    name = person.user.get_username()
    return [
        *(
            Button(
                f"Make {role}",
                reverse("admin:tenants_membership_role", args=[person.id, role]),
                f"Make {name} {role}?",
            )
            for role in Role
            if role != person.role
        ),
        Button(
            "New password",
            reverse("admin:tenants_membership_password", args=[person.id]),
            f"Give {name} a new password? The old one stops working at once.",
        ),
        Button(
            "Remove",
            reverse("admin:tenants_membership_remove", args=[person.id]),
            f"Remove {name}? They are signed out at once.",
            "bad",
        ),
    ]


class PeopleDesk(OwnedAdmin[Tenant]):
    """The tenant's page as the place where its people are let in."""

    def get_urls(self) -> list[URLPattern]:
        site, one = self.admin_site, "people/<int:person_id>"
        add = site.admin_view(self.add_person)
        role, password = posted(site, self.change_role), posted(site, self.renew_password)
        remove = posted(site, self.remove_person)
        return [
            path("<uuid:tenant_id>/add-person/", add, name="tenants_tenant_add_person"),
            path(f"{one}/role/<str:role>/", role, name="tenants_membership_role"),
            path(f"{one}/password/", password, name="tenants_membership_password"),
            path(f"{one}/remove/", remove, name="tenants_membership_remove"),
            *super().get_urls(),
        ]

    def add_person(self, request: HttpRequest, tenant_id: UUID) -> HttpResponse:
        """The form; posted, the new person's first password instead."""
        tenant = get_object_or_404(self.get_queryset(request), id=tenant_id)
        _check(request, "tenants.add_membership")
        form = PersonForm(request.POST or None)
        if form.is_valid() and (welcome := _added(request, tenant, form)) is not None:
            return self._show_password(request, welcome)
        context = self._page(request, tenant, f"New person of {tenant}") | {"form": form}
        return TemplateResponse(request, "tenants/admin/add_person.html", context)

    def renew_password(self, request: HttpRequest, person_id: int) -> HttpResponse:
        person, actor = _person(request, person_id), of_person(request.user)
        try:
            welcome = people.renew_password(person=person, actor=actor)
        except people.PersonError as error:
            return self._done(request, person, messages.ERROR, str(error))
        return self._show_password(request, welcome)

    def change_role(self, request: HttpRequest, person_id: int, role: str) -> HttpResponse:
        if role not in set(Role):
            raise Http404
        person, actor = _person(request, person_id), of_person(request.user)
        try:
            people.change_role(person=person, role=Role(role), actor=actor)
        except people.PersonError as error:
            return self._done(request, person, messages.ERROR, str(error))
        told = f"{person.user.get_username()} is {role} now."
        return self._done(request, person, messages.SUCCESS, told)

    def remove_person(self, request: HttpRequest, person_id: int) -> HttpResponse:
        person, actor = _person(request, person_id), of_person(request.user)
        try:
            people.remove_person(person=person, actor=actor)
        except people.PersonError as error:
            return self._done(request, person, messages.ERROR, str(error))
        told = f"{person.user.get_username()} is removed."
        return self._done(request, person, messages.SUCCESS, told)

    def _done(
        self, request: HttpRequest, person: Membership, level: int, text: str
    ) -> HttpResponse:
        """Back to the tenant; who has just lost the right to see it goes to the first page."""
        self.message_user(request, text, level)
        if level == messages.SUCCESS and person.user_id == request.user.pk:
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(reverse("admin:tenants_tenant_change", args=[person.tenant_id]))

    def _show_password(self, request: HttpRequest, welcome: people.Welcome) -> HttpResponse:
        """The answer to the POST itself: the password is stored nowhere."""
        tenant = welcome.person.tenant
        title = f"The way in for {welcome.person.user.get_username()}"
        context = self._page(request, tenant, title) | {"welcome": welcome}
        return TemplateResponse(request, "tenants/admin/person_welcome.html", context)

    def _page(self, request: HttpRequest, tenant: Tenant, title: str) -> dict[str, Any]:
        context = self.admin_site.each_context(request)
        return context | {"title": title, "tenant": tenant, "opts": self.opts}


def _added(request: HttpRequest, tenant: Tenant, form: PersonForm) -> people.Welcome | None:
    """None where the name will not do, which the form then tells."""
    name, role = form.cleaned_data["name"], Role(form.cleaned_data["role"])
    try:
        return people.add_person(tenant=tenant, name=name, role=role, actor=of_person(request.user))
    except people.PersonError as error:
        form.add_error("name", str(error))
        return None


def _person(request: HttpRequest, person_id: int) -> Membership:
    """For who may change it."""
    known = Membership.objects.select_related("user", "tenant")
    found = get_object_or_404(rows_of(known, member_of(request)), id=person_id)
    _check(request, "tenants.change_membership")
    return found


def _check(request: HttpRequest, permission: str) -> None:
    if not granted(request, permission, Right.PEOPLE):
        raise PermissionDenied
