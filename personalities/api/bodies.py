"""The bodies of personalities' requests: validated, and documented in the OpenAPI file."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from personalities import exchange
from personalities.errors import PromptTooLongError
from personalities.own_voice import Mode
from personalities.prompt import LONGEST_CUSTOM, LONGEST_GREETING, LONGEST_NAME
from personalities.services import LONGEST_SLUG, is_slug
from personalities.traits import (
    CHOICES,
    HIGHEST,
    LONGEST_PHRASE,
    MOST_PHRASES,
    OLDEST,
    YOUNGEST,
    ResponseStyle,
    Traits,
    is_line,
    is_prose,
)
from personalities.wording import LEVEL_LABELS
from voices.api.asking import KnownFields, SynthesisBody
from voices.api.own_bodies import SettingsBody
from voices.requests import ENGINE

LONGEST_DESCRIPTION = 1_000
USUAL = Traits().as_json()


class Line(serializers.CharField):
    """One line of text as it is; HTML, emoji and quotes are text."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text and not is_line(text):
            raise serializers.ValidationError("One line of text, without control characters.")
        return text


class Prose(serializers.CharField):
    """Text of any number of lines, kept to the letter."""

    def __init__(self, **more: Any) -> None:
        super().__init__(trim_whitespace=False, **more)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not is_prose(text):
            raise serializers.ValidationError("Text, without control characters.")
        return text


class Custom(Prose):
    """One that is too long has a code of its own."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str) and len(data) > LONGEST_CUSTOM:
            raise PromptTooLongError(
                f"A system prompt has at most {LONGEST_CUSTOM:,} characters; this has"
                f" {len(data):,}."
            )
        return super().run_validation(data)


def one_of(name: str) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=[*CHOICES[name]], default=USUAL[name])


def level(name: str) -> serializers.IntegerField:
    words = "; ".join(f"{n}: {label.lower()}" for n, label in enumerate(LEVEL_LABELS[name]))
    return serializers.IntegerField(
        min_value=0, max_value=HIGHEST, default=USUAL[name], help_text=words
    )


def phrases() -> serializers.ListField:
    return serializers.ListField(
        child=Line(max_length=LONGEST_PHRASE), max_length=MOST_PHRASES, default=list
    )


class TraitsBody(KnownFields):
    """What a personality is like."""

    age = serializers.IntegerField(
        min_value=YOUNGEST, max_value=OLDEST, allow_null=True, default=None
    )
    gender = one_of("gender")
    communication_style = one_of("communication_style")
    knowledge = one_of("knowledge")
    humour_style = one_of("humour_style")
    humour_level = level("humour_level")
    empathy = level("empathy")
    response_length = one_of("response_length")
    jargon = level("jargon")
    sales_approach = one_of("sales_approach")
    formality = level("formality")


class ResponseStyleBody(KnownFields):
    """The phrases it falls back on, and whether it may write emoji."""

    opening_phrases = phrases()
    product_transitions = phrases()
    closing_phrases = phrases()
    emoji = serializers.BooleanField(default=False)


def as_usual() -> dict[str, Any]:
    return Traits().as_json()


def without_phrases() -> dict[str, Any]:
    return ResponseStyle().as_json()


class FallbackBody(KnownFields):
    """What speaks, where that is allowed, while the personality's own voice cannot."""

    engine = serializers.RegexField(ENGINE, required=False, allow_blank=True, default="")
    voice = serializers.CharField(
        max_length=60, allow_null=True, default=None, help_text="Slug or id."
    )


class PersonalityBody(KnownFields):
    """A personality as it is to be."""

    slug = serializers.CharField(
        required=False, max_length=LONGEST_SLUG, help_text="Made from the name unless given."
    )
    name = Line(max_length=LONGEST_NAME)
    role = Line(max_length=120, allow_blank=True, default="")
    description = Prose(
        max_length=LONGEST_DESCRIPTION,
        allow_blank=True,
        default="",
        help_text="For people: it is in no prompt.",
    )
    greeting = Line(max_length=LONGEST_GREETING, allow_blank=True, default="")
    traits = TraitsBody(default=as_usual)
    response_style = ResponseStyleBody(default=without_phrases)
    system_prompt = Custom(
        allow_blank=True, default="", help_text=f"At most {LONGEST_CUSTOM:,} characters."
    )
    active = serializers.BooleanField(default=True)
    voice = serializers.CharField(
        max_length=60, allow_null=True, default=None, help_text="Slug or id."
    )
    fallback = FallbackBody(allow_null=True, default=None)

    def validate_slug(self, slug: str) -> str:
        if not is_slug(slug):
            raise serializers.ValidationError(
                "Small letters, digits, `-` and `_`; no id, and not `import`."
            )
        return slug


class PersonalityFile(KnownFields):
    """A personality as one JSON file: it names voices by slug, and holds no id and no tenant."""

    kind = serializers.ChoiceField(choices=[exchange.KIND])
    format_version = serializers.ChoiceField(choices=[exchange.FORMAT_VERSION])
    personality = PersonalityBody()


class VoiceChoice(KnownFields):
    """Whether it speaks in its own voice, how that is tuned, or both. What is not named stays."""

    mode = serializers.ChoiceField(choices=list(Mode), required=False)
    settings = SettingsBody(
        required=False, help_text="All of them: those that are not named stand at their defaults."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Name `mode`, `settings`, or both.")
        return attrs


class GenerateBody(SynthesisBody):
    """A text, and how the personality is to speak it. The voice is its own."""

    voice = None  # type: ignore[assignment]  # how the framework takes a field away
    personality_id = None  # type: ignore[assignment]


SPOKEN = GenerateBody()  # it keeps nothing of what it reads
