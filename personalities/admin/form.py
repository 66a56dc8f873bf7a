"""The forms: what a prompt is made from, and all of a personality."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from personalities.admin.widgets import LineField, PhrasesField, ProseField, choice, level
from personalities.errors import PersonalityError
from personalities.models import Personality
from personalities.prompt import LONGEST_CUSTOM, LONGEST_GREETING, LONGEST_NAME, Portrait
from personalities.services import LONGEST_SLUG, check_room, check_slug, is_slug
from personalities.services import lock_personalities as lock
from personalities.traits import OLDEST, YOUNGEST, ResponseStyle, TraitError, Traits
from tenants.admin.edited import check_version
from tenants.limits import LimitReachedError
from voices.models import Voice
from voices.requests import ENGINE
from voices.selectors import visible_voices

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

TRAITS = tuple(field.name for field in fields(Traits))
STYLE = tuple(field.name for field in fields(ResponseStyle))
WORDS = ("name", "role", "greeting", "system_prompt")


class PortraitForm(forms.Form):
    """What the prompt is made from; it is asked for while somebody types."""

    name = LineField(max_length=LONGEST_NAME)
    role = LineField(
        max_length=120, required=False, help_text="Such as “sales assistant of the wine shop”."
    )
    greeting = LineField(
        max_length=LONGEST_GREETING, required=False, help_text="Its first words to somebody new."
    )
    age = forms.IntegerField(
        min_value=YOUNGEST,
        max_value=OLDEST,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Empty: not told.",
    )
    gender = choice("gender")
    communication_style = choice("communication_style")
    knowledge = choice("knowledge")
    humour_style = choice("humour_style")
    humour_level = level("humour_level", label="Humour")
    empathy = level("empathy")
    response_length = choice("response_length")
    jargon = level("jargon")
    sales_approach = choice("sales_approach")
    formality = level("formality")
    opening_phrases = PhrasesField(label="When it greets", help_text="One phrase a line.")
    product_transitions = PhrasesField(
        label="When it moves on to products", help_text="One phrase a line."
    )
    closing_phrases = PhrasesField(label="When it says good-bye", help_text="One phrase a line.")
    emoji = forms.BooleanField(
        required=False,
        label="May write emoji",
        help_text="Now and then, where the humour is high.",
        widget=UnfoldBooleanSwitchWidget,
    )
    system_prompt = ProseField(
        rows=8,
        max_length=LONGEST_CUSTOM,
        label="What else it must know",
        help_text=f"Goes into the prompt to the letter; up to {LONGEST_CUSTOM:,} characters.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.portrait()
            except TraitError as error:
                self.add_error(error.field, str(error))
        return cleaned

    def portrait(self) -> Portrait:
        """Of a form that is valid."""
        return Portrait(
            **{name: self.cleaned_data[name] for name in WORDS},
            traits=Traits(**{name: self.cleaned_data[name] for name in TRAITS}),
            style=ResponseStyle(**{name: self.cleaned_data[name] for name in STYLE}),
        )


class PersonalityForm(PortraitForm, forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """All of it. Whoever saves an older version than there is by now is told, once."""

    tenant_id: ClassVar[UUID | None] = None  # whose it becomes, where the form does not ask

    slug = forms.CharField(
        required=False,
        max_length=LONGEST_SLUG,
        label="Short name",
        widget=UnfoldAdminTextInputWidget,
        help_text="Programs ask for it by this. Empty: made from the name.",
    )
    description = ProseField(
        rows=2, max_length=1_000, help_text="For you and your colleagues: it is in no prompt."
    )
    voice = forms.ModelChoiceField(
        Voice.objects.none(), required=False, widget=UnfoldAdminSelectWidget
    )
    fallback_voice = forms.ModelChoiceField(
        Voice.objects.none(),
        required=False,
        widget=UnfoldAdminSelectWidget,
        label="What stands in",
        help_text="Where its own voice cannot speak. It is always told that another voice spoke.",
    )
    fallback_engine = forms.RegexField(
        ENGINE,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        label="With the engine",
        help_text="Such as piper. Empty: any.",
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Personality
        fields = ("tenant", "active")

    def __init__(self, *args: Any, **more: Any) -> None:
        if (row := more.get("instance")) is not None:
            more["initial"] = _shown(row) | (more.get("initial") or {})
        super().__init__(*args, **more)
        for name in {"voice", "fallback_voice"} & self.fields.keys():
            self.fields[name].queryset = self._voices()  # type: ignore[attr-defined]

    def _voices(self) -> QuerySet[Voice]:
        """Those it may have; where whose it becomes is not known yet, the stock voices.

        Those it has are among them, switched off or not: a choice is not lost unseen.
        """
        if (owner := self.instance.tenant_id or self.tenant_id) is None:
            return Voice.objects.filter(tenant=None, active=True)
        present = (self.instance.voice_id, self.instance.fallback_voice_id)
        return visible_voices(owner) | Voice.objects.filter(id__in=present)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        owner = self._owner(cleaned)
        if owner is not None and not self.errors:
            try:
                self._check(owner, cleaned["slug"])
            except (PersonalityError, LimitReachedError) as error:
                raise ValidationError(str(error), error.code) from error
        return cleaned

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"] or self.instance.slug
        if slug and not is_slug(slug):
            raise ValidationError("Small letters, digits, - and _; no id, and not “import”.")
        return slug

    def _owner(self, cleaned: dict[str, Any]) -> UUID | None:
        asked = cleaned.get("tenant")
        return self.instance.tenant_id or self.tenant_id or (asked.id if asked else None)

    def _check(self, owner: UUID, slug: str) -> None:
        """From here to the end of the page's transaction nobody else changes them."""
        lock(owner)
        if self.instance._state.adding:  # noqa: SLF001 - Django documents it
            check_room(owner)
        else:
            self._check_version()
        check_slug(owner, slug, besides=self.instance.id)

    def _check_version(self) -> None:
        found = Personality.objects.filter(id=self.instance.id)
        check_version(self, found.values_list("version", flat=True).first())

    def wanted(self) -> dict[str, Any]:
        """What personalities.services are to write."""
        data, portrait = self.cleaned_data, self.portrait()
        voice, other = data.get("voice"), data.get("fallback_voice")
        return {
            **{name: data[name] for name in (*WORDS, "slug", "description", "active")},
            "traits": portrait.traits.as_json(),
            "response_style": portrait.style.as_json(),
            "voice": voice and str(voice.id),
            "fallback": {"engine": data["fallback_engine"], "voice": other and str(other.id)},
        }


def _shown(row: Personality) -> dict[str, Any]:
    kept = {name: getattr(row, name) for name in (*WORDS, "slug", "description", "version")}
    voices = {name: getattr(row, name) for name in ("voice", "fallback_voice", "fallback_engine")}
    return kept | voices | row.read_traits().as_json() | row.read_style().as_json()
