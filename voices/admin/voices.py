"""Voices in the admin: stock voices to look at, tenants' own to describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Prefetch
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from tenants.admin.looks import DropdownFilter, LookedAt
from tenants.admin.owned import OwnedAdmin, OwnedInline, member_of
from tenants.admin.words import NOTHING, badge, plain, when
from tenants.audit import of_person
from tenants.roles import Right
from voices.admin.described import VoiceForm
from voices.admin.new_voice import NewVoiceForm
from voices.admin.page import STATES, VoicePage
from voices.models import Revision, Status, Voice
from voices.owning.describing import change_voice, create_voice

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from voices.models import Binding

REVISION_TONES = {
    Revision.State.DRAFT: "info",
    Revision.State.PUBLISHED: "good",
    Revision.State.RETIRED: "plain",
}
FIELDS = (
    "name",
    "short_name",
    "owner",
    "language",
    "description",
    "gender",
    "licence",
    "commercial",
    "active",
)
DESCRIBED = {"name", "language", "description", "active"}
NEW_FIELDS = ("name", "slug", "language", "gender", "description")


class OwnerFilter(DropdownFilter):
    title = "owner"
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("stock", "Stock voices"), ("tenant", "Tenants' own")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Voice]) -> QuerySet[Voice]:
        if (owner := self.value()) not in {"stock", "tenant"}:
            return queryset
        return queryset.filter(tenant__isnull=owner == "stock")


class RevisionInline(LookedAt, OwnedInline[Revision, Voice]):
    """How the voice sounded over time; jobs get the published revision."""

    owned_by, shared = "voice__tenant", True
    rights = {"view": Right.SEE}
    model = Revision
    fields = ("revision", "state_label", "dials", "spoken_by", "made")
    readonly_fields = ("revision", "state_label", "dials", "spoken_by", "made")
    hide_title = True
    verbose_name_plural = "How it sounds"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        return super().get_queryset(request).prefetch_related("bindings")

    @admin.display(description="Revision")
    def revision(self, revision: Revision) -> str:
        return f"r{revision.number}"

    @admin.display(description="State")
    def state_label(self, revision: Revision) -> SafeString:
        return badge(revision.state, REVISION_TONES[Revision.State(revision.state)])

    @admin.display(description="Settings")
    def dials(self, revision: Revision) -> str:
        return plain(revision.settings)

    @admin.display(description="Spoken by")
    def spoken_by(self, revision: Revision) -> SafeString | str:
        told = ((binding_words(binding),) for binding in revision.bindings.all())
        return format_html_join("", "<div>{}</div>", told) or NOTHING

    @admin.display(description="Made")
    def made(self, revision: Revision) -> SafeString | str:
        return when(revision.created_at)


def binding_words(binding: Binding) -> str:
    speaker = "" if binding.speaker is None else f", speaker {binding.speaker}"
    return f"{binding}{speaker}" + (" (a stand-in)" if binding.substitute else "")


@admin.register(Voice)
class VoiceAdmin(OwnedAdmin[Voice]):
    """Stock voices follow the catalogue: of them only `active` is the operator's choice."""

    shared = True
    rights = {"view": Right.SEE, "change": Right.EDIT, "add": Right.EDIT}
    change_form_template = "voices/admin/voice.html"
    list_display = ["name", "short_name", "owner", "language", "gender", "spoken_by", "state"]
    list_filter = [OwnerFilter, ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    ordering = ["tenant", "slug"]  # tenants' own first: stock voices have none
    search_fields = ["name", "slug", "language"]
    search_help_text = "Name, short name or language"
    form = VoiceForm
    autocomplete_fields = ["tenant"]

    def get_inlines(self, request: HttpRequest, obj: Voice | None) -> list[Any]:
        return [RevisionInline] if obj else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Voice]:
        published = Revision.objects.filter(state=Revision.State.PUBLISHED)
        shown = Prefetch("revisions", published.prefetch_related("bindings"), to_attr="published")
        return super().get_queryset(request).select_related("tenant").prefetch_related(shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Voice | None = None) -> list[str]:
        if obj is None:
            return []
        editable = DESCRIBED if obj.tenant_id else {"active"}
        return [name for name in FIELDS if name not in editable]

    def get_fieldsets(self, request: HttpRequest, obj: Voice | None = None) -> Any:
        """A new one is its maker's tenant's; the platform's staff say whose."""
        if obj is not None:
            carried = ("version",) if self.has_change_permission(request, obj) else ()
            return [(None, {"fields": (*FIELDS, *carried)})]
        chosen = () if member_of(request) else ("tenant",)
        return [(None, {"fields": (*chosen, *NEW_FIELDS)})]

    def get_form(
        self, request: HttpRequest, obj: Voice | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        form: Any = super().get_form(request, obj, change, form=NewVoiceForm, **kwargs)
        member = member_of(request)
        form.own_tenant = member.tenant_id if member else None
        return form

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Voice | None = None
    ) -> dict[str, Any]:
        return {} if obj else {"slug": ["name"]}

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        voice = self.get_object(request, object_id)
        if voice.tenant_id is not None:
            extra_context = {**(extra_context or {}), "shown": VoicePage(voice, request)}
        return super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Voice, form: Any, change: bool) -> None:
        actor = of_person(request.user)
        if change:
            edited = {name: form.cleaned_data[name] for name in form.changed_data}
            version = form.cleaned_data["version"]
            change_voice(voice=obj, actor=actor, expected=version, **edited)
            return
        described = {name: form.cleaned_data[name] for name in NEW_FIELDS}
        obj.pk = create_voice(tenant_id=form.tenant_id, actor=actor, **described).pk

    def has_delete_permission(self, request: HttpRequest, obj: Voice | None = None) -> bool:
        return False

    @admin.display(description="Short name", ordering="slug")
    def short_name(self, voice: Voice) -> str:
        return voice.slug

    @admin.display(description="Owner", ordering="tenant")
    def owner(self, voice: Voice) -> SafeString | str:
        return voice.tenant.name if voice.tenant else badge("stock", "info")

    @admin.display(description="Engines")
    def spoken_by(self, voice: Any) -> str:
        return plain(sorted({b.engine for r in voice.published for b in r.bindings.all()}))

    @admin.display(description="State", ordering="active")
    def state(self, voice: Voice) -> SafeString:
        """A stock voice has nothing to be made."""
        if not voice.active:
            return badge("switched off", "plain")
        name, tone, _ = STATES[Status(voice.status)] if voice.tenant_id else ("active", "good", "")
        return badge(name, tone)
