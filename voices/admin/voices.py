"""Voices in the admin: stock voices to look at, tenants' own to describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Prefetch
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from tenants.admin.looks import DropdownFilter, LookedAt, ModelAdmin, TabularInline
from tenants.admin.words import NOTHING, badge, plain, when
from voices.models import Revision, Voice

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import QuerySet
    from django.http import HttpRequest
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


class OwnerFilter(DropdownFilter):
    title = "owner"
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("stock", "Stock voices"), ("tenant", "Tenants' own")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Voice]) -> QuerySet[Voice]:
        if (owner := self.value()) not in {"stock", "tenant"}:
            return queryset
        return queryset.filter(tenant__isnull=owner == "stock")


class RevisionInline(LookedAt, TabularInline[Revision, Voice]):
    """How the voice sounded over time; jobs get the published revision."""

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
class VoiceAdmin(ModelAdmin[Voice]):
    """Stock voices follow the catalogue: of them only `active` is the operator's choice."""

    inlines = [RevisionInline]
    list_display = ["name", "short_name", "owner", "language", "gender", "spoken_by", "state"]
    list_filter = [OwnerFilter, ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["name", "slug", "language"]
    search_help_text = "Name, short name or language"
    fields = FIELDS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Voice]:
        published = Revision.objects.filter(state=Revision.State.PUBLISHED)
        shown = Prefetch("revisions", published.prefetch_related("bindings"), to_attr="published")
        return super().get_queryset(request).select_related("tenant").prefetch_related(shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Voice | None = None) -> list[str]:
        editable = DESCRIBED if obj is None or obj.tenant_id else {"active"}
        return [name for name in FIELDS if name not in editable]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

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

    @admin.display(description="Active", ordering="active")
    def state(self, voice: Voice) -> SafeString:
        return badge("active", "good") if voice.active else badge("switched off", "plain")
