"""Personalities in the admin: the list, and one with its traits as fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.urls import reverse
from django.utils.html import format_html

from personalities import services
from personalities.admin.desk import Desk
from personalities.admin.form import PersonalityForm
from personalities.models import Personality
from personalities.own_voice import own_voice_of
from personalities.settling import settle, settle_all
from personalities.traits import CHOICES, LEVELS
from personalities.wording import LABELS, LEVEL_LABELS
from tenants.admin.buttons import Button
from tenants.admin.owned import member_of
from tenants.admin.words import NOTHING, badge, when
from tenants.audit import of_person
from tenants.roles import Right
from voices.admin.page import STATES
from voices.models import Status

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

WHO = ("name", "slug", "role", "greeting", "description", "active", "version")
CHARACTER = (
    "age",
    "gender",
    "communication_style",
    "knowledge",
    "humour_style",
    "humour_level",
    "empathy",
)
ANSWERS = ("response_length", "sales_approach", "jargon", "formality", "emoji")
PHRASES = ("opening_phrases", "product_transitions", "closing_phrases")
VOICE = ("voice", "fallback_voice", "fallback_engine")
IN_THE_MAKING = "A voice of its own is in the making:"
SEEN = ("name", "slug", "role", "greeting", "description", "character", "voice", "active")


@admin.register(Personality)
class PersonalityAdmin(Desk):
    """Whoever may only look sees the traits in words, and the prompt."""

    rights = {
        "view": Right.SEE,
        "add": Right.EDIT,
        "change": Right.EDIT,
        "steer": Right.EDIT,
        "delete": Right.ERASE,
    }
    hidden = {"tenant"}
    form = PersonalityForm
    change_form_template = "personalities/admin/personality.html"
    change_list_template = "personalities/admin/personalities.html"
    list_display = ["name", "mark", "role", "spoken_by", "tenant", "edited", "state"]
    list_filter = ["active"]
    list_select_related = ["tenant", "voice"]
    search_fields = ["name", "slug", "role"]
    search_help_text = "Name, short name or role"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Personality]:
        """Who looks here first is shown what every tenant begins with."""
        if (member := member_of(request)) is not None:
            settle(member.tenant_id)
        else:
            settle_all()
        return super().get_queryset(request)

    def get_fieldsets(self, request: HttpRequest, obj: Personality | None = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return [(None, {"fields": SEEN})]
        whose = () if obj or member_of(request) else ("tenant",)
        return [
            ("Who it is", {"fields": (*whose, *WHO)}),
            ("Character", {"fields": CHARACTER}),
            ("How it answers", {"fields": ANSWERS}),
            ("Phrases", {"fields": PHRASES}),
            ("Its own instructions", {"fields": ("system_prompt",)}),
            ("Voice", {"fields": VOICE}),
        ]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Personality | None = None
    ) -> tuple[str, ...]:
        seen = obj is not None and not self.has_change_permission(request, obj)
        return SEEN if seen else ()

    def get_form(
        self,
        request: HttpRequest,
        obj: Personality | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        member = member_of(request)
        form.tenant_id = member.tenant_id if member else None
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor, wanted = of_person(request.user), form.wanted()
        if not change:
            tenant_id = form.tenant_id or obj.tenant_id
            made = services.create_personality(tenant_id=tenant_id, actor=actor, fields=wanted)
            obj.pk = made.pk
            return
        services.edit_personality(
            tenant_id=obj.tenant_id,
            personality_id=obj.id,
            actor=actor,
            expected=form.cleaned_data["version"],
            fields=wanted,
        )

    def delete_model(self, request: HttpRequest, obj: Personality) -> None:
        heir = services.delete_personality(
            tenant_id=obj.tenant_id,
            personality_id=obj.id,
            actor=of_person(request.user),
            expected=None,
        )
        if heir is not None:
            self.message_user(request, f"{heir.name} is the primary now.", messages.INFO)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Personality]) -> None:
        for personality in queryset:
            self.delete_model(request, personality)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        shown = {
            "prompt": found.prompt().text,
            "buttons": self._buttons(request, found),
            "own_voice": _own_voice(found),
        }
        return super().change_view(request, object_id, form_url, (extra_context or {}) | shown)

    def _buttons(self, request: HttpRequest, found: Personality) -> list[Button]:
        if not self.has_steer_permission(request, found):
            return []
        primary = Button(
            "Make primary",
            reverse("admin:personalities_primary", args=[found.id]),
            f"From now on {found.name} answers where nobody else is asked for?",
        )
        double = Button(
            "Duplicate",
            reverse("admin:personalities_double", args=[found.id]),
            f"Make another one like {found.name}? Changes that are not saved are lost.",
        )
        return [double] if found.primary or not found.active else [primary, double]

    @admin.display(description="")
    def mark(self, personality: Personality) -> SafeString | str:
        return (
            badge("primary", "info", "Answers where nobody else is asked for")
            if personality.primary
            else ""
        )

    @admin.display(description="Voice")
    def spoken_by(self, personality: Personality) -> SafeString | str:
        return personality.voice.name if personality.voice else badge("no voice yet", "warn")

    @admin.display(description="Edited", ordering="updated_at")
    def edited(self, personality: Personality) -> SafeString | str:
        return when(personality.updated_at)

    @admin.display(description="Active", ordering="active")
    def state(self, personality: Personality) -> SafeString:
        return badge("active", "good") if personality.active else badge("switched off", "plain")

    @admin.display(description="Character")
    def character(self, personality: Personality) -> str:
        traits = personality.read_traits()
        words = [LABELS[name][getattr(traits, name)] for name in CHOICES]
        levels = [
            f"{name.removesuffix('_level')}: {LEVEL_LABELS[name][getattr(traits, name)]}"
            for name in LEVELS
        ]
        return "; ".join([*words, *levels]) or NOTHING


def _own_voice(personality: Personality) -> SafeString | str:
    """The voice made for it, while it speaks with another: where to look, and how far it is."""
    own = own_voice_of(personality)
    if own is None or own == personality.voice:
        return ""
    name, tone, meaning = STATES[Status(own.status)]
    told = "A voice of its own is ready:" if own.status == Status.READY else IN_THE_MAKING
    return format_html(
        '{} <a href="{}">{}</a> {}',
        told,
        reverse("admin:voices_voice_change", args=[own.id]),
        own.name,
        badge(name, tone, meaning),
    )
