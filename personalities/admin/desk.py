"""What is done to a personality besides editing it: its mark, a double, a file, its prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from rest_framework.exceptions import APIException
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from personalities import exchange, services
from personalities.admin.form import PortraitForm
from personalities.api.bodies import PersonalityFile
from personalities.errors import PersonalityError
from personalities.models import Personality
from personalities.prompt import build_prompt
from tenants.admin.buttons import posted
from tenants.admin.owned import OwnedAdmin, member_of
from tenants.audit import of_person
from tenants.limits import LimitReachedError
from tenants.models import Tenant
from tenants.parsers import read_json
from voices.store import content_disposition

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

LARGEST_FILE = 256 * 1024


class ImportForm(forms.Form):
    """A file, and for the platform's staff whose personality it becomes."""

    file = forms.FileField(widget=UnfoldAdminFileFieldWidget, help_text="As Export gave it.")
    rename = forms.BooleanField(
        required=False,
        initial=True,
        label="Where the short name is taken: another one",
        widget=UnfoldBooleanSwitchWidget,
    )
    tenant = forms.ModelChoiceField(Tenant.objects.all(), widget=UnfoldAdminSelectWidget)

    def clean_file(self) -> dict[str, Any]:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise ValidationError("The file of a personality is smaller than this.")
        try:
            body = PersonalityFile.read(read_json(file.read()))
        except APIException as error:
            raise ValidationError(f"This is no personality: {_plainly(error)}") from error
        except PersonalityError as error:
            raise ValidationError(str(error)) from error
        fields: dict[str, Any] = body["personality"]
        return fields


def _plainly(error: APIException) -> str:
    detail = error.detail
    if not isinstance(detail, dict):
        return str(detail)
    return ", ".join(f"look at “{name}”" for name in detail)


class Desk(OwnedAdmin[Personality]):
    def get_urls(self) -> list[URLPattern]:
        site, one = self.admin_site, "<uuid:personality_id>"
        return [
            path("prompt/", posted(site, self.show_prompt), name="personalities_prompt"),
            path("import/", site.admin_view(self.take_in), name="personalities_import"),
            path(f"{one}/export/", site.admin_view(self.hand_out), name="personalities_export"),
            path(f"{one}/primary/", posted(site, self.make_primary), name="personalities_primary"),
            path(f"{one}/double/", posted(site, self.double), name="personalities_double"),
            *super().get_urls(),
        ]

    def show_prompt(self, request: HttpRequest) -> HttpResponse:
        """The prompt of what stands in the form now. Nothing is looked up, nothing is kept."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        form = PortraitForm(request.POST)
        if not form.is_valid():
            wrong = {form.fields[name].label or name: e[0] for name, e in form.errors.items()}
            return JsonResponse({"wrong": wrong}, status=422)
        return JsonResponse({"prompt": build_prompt(form.portrait()).text})

    def make_primary(self, request: HttpRequest, personality_id: UUID) -> HttpResponse:
        found = self.steered(request, personality_id)
        try:
            services.make_primary(
                tenant_id=found.tenant_id, personality_id=found.id, actor=of_person(request.user)
            )
        except PersonalityError as error:
            return self._back(request, found, messages.ERROR, str(error))
        told = f"{found.name} answers from now on where nobody else is asked for."
        return self._back(request, found, messages.SUCCESS, told)

    def double(self, request: HttpRequest, personality_id: UUID) -> HttpResponse:
        found, actor = self.steered(request, personality_id), of_person(request.user)
        try:
            made = exchange.duplicate_personality(personality=found, actor=actor)
        except LimitReachedError as error:
            return self._back(request, found, messages.ERROR, str(error))
        return self._back(request, made, messages.SUCCESS, f"This is the double, “{made.slug}”.")

    def hand_out(self, request: HttpRequest, personality_id: UUID) -> HttpResponse:
        found = self.row_of(request, personality_id)
        named = content_disposition(f"{found.slug}.personality.json")
        headers = {"Content-Disposition": named}
        told = {"indent": 2, "ensure_ascii": False}
        return JsonResponse(
            exchange.export_personality(found), headers=headers, json_dumps_params=told
        )

    def take_in(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        member = member_of(request)
        if member is not None:
            del form.fields["tenant"]
        if request.method == "POST" and form.is_valid():
            tenant_id = member.tenant_id if member else form.cleaned_data["tenant"].id
            if (answer := self._taken_in(request, form, tenant_id)) is not None:
                return answer
        context = self.admin_site.each_context(request)
        context |= {"title": "A personality from a file", "opts": self.opts, "form": form}
        return TemplateResponse(request, "personalities/admin/import.html", context)

    def _taken_in(
        self, request: HttpRequest, form: ImportForm, tenant_id: UUID
    ) -> HttpResponse | None:
        """None where it cannot be, which the form then tells."""
        try:
            imported = exchange.import_personality(
                tenant_id=tenant_id,
                actor=of_person(request.user),
                fields=form.cleaned_data["file"],
                rename=form.cleaned_data["rename"],
            )
        except (PersonalityError, LimitReachedError) as error:
            form.add_error("file", str(error))
            return None
        for warning in imported.warnings:
            self.message_user(request, warning, messages.WARNING)
        made = imported.personality
        return self._back(request, made, messages.SUCCESS, f"{made.name} has been taken in.")

    def _back(
        self, request: HttpRequest, personality: Personality, level: int, text: str
    ) -> HttpResponse:
        self.message_user(request, text, level)
        page = reverse("admin:personalities_personality_change", args=[personality.id])
        return HttpResponseRedirect(page)
