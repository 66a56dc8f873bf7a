"""The bodies of synthesis requests: validated, and documented in the OpenAPI file."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.states import Priority
from voices.keys import SEED_BITS
from voices.owning.describing import TAG
from voices.requests import ENGINE, FORMATS, SAMPLE_RATES, SynthesisRequest
from voices.routing import CHAINS

if TYPE_CHECKING:
    from rest_framework.request import Request

LONGEST_KEY = 247  # an item of a batch puts its number behind it
DAY = 86_400
LARGEST = 1e15
FIRST_YEAR, LAST_YEAR = 2000, 2999


@extend_schema_field({"type": "string", "minLength": 1})
class SpokenText(serializers.Field[str, Any, str, Any]):
    """A string as it is; what may be spoken is checked where it is prepared."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a string.")
        return data


class Dial(serializers.FloatField):
    """A finite number."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise serializers.ValidationError("This must be a number.")
        if not -LARGEST < data < LARGEST:
            raise serializers.ValidationError("This must be a finite number, and not a huge one.")
        return float(data)


class KnownFields(serializers.Serializer[Any]):
    """Refuses fields it does not know: a misspelt one must not be ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError(
                {str(name)[:60]: ["There is no such field."] for name in unknown[:10]}
            )
        return super().to_internal_value(data)

    @classmethod
    def read(cls, data: Any, **more: Any) -> dict[str, Any]:
        """What a body says; it raises where that cannot be."""
        body = cls(data=data, **more)
        body.is_valid(raise_exception=True)
        read: dict[str, Any] = body.validated_data
        return read


class SynthesisBody(KnownFields):
    """A text, and how it is to be spoken."""

    text = SpokenText()
    voice = serializers.CharField(required=False, max_length=60, help_text="Slug or id.")
    format = serializers.ChoiceField(choices=list(FORMATS), default="wav")
    sample_rate = serializers.ChoiceField(choices=SAMPLE_RATES, required=False)
    language = serializers.RegexField(TAG, required=False, help_text="BCP 47.")
    quality = serializers.ChoiceField(choices=list(CHAINS), default="medium")
    engine = serializers.RegexField(ENGINE, required=False)
    substitute = serializers.ChoiceField(choices=["refuse", "flag"], default="refuse")
    settings = serializers.DictField(child=Dial(), required=False, help_text="Dials, by name.")
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**SEED_BITS - 1)
    cache = serializers.ChoiceField(choices=["use", "bypass"], default="use")
    priority = serializers.ChoiceField(
        choices=[priority.name.lower() for priority in Priority], default="standard"
    )
    deadline_seconds = Dial(required=False, min_value=0.1, max_value=7 * DAY)
    personality_id = serializers.CharField(required=False, max_length=60, allow_blank=True)
    webhook_url = serializers.CharField(
        required=False, help_text="Is told of the end of this job alone."
    )


@extend_schema_field(SynthesisBody)
class Unchecked(serializers.Field[Any, Any, Any, Any]):
    """Taken as it is: what is wrong with one item is no other item's trouble."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class BulkBody(KnownFields):
    """Up to a thousand requests; each is checked alone."""

    items = serializers.ListField(child=Unchecked(allow_null=True), min_length=1)

    def validate_items(self, items: list[Any]) -> list[Any]:
        if len(items) > settings.BULK_ITEMS:
            raise serializers.ValidationError(f"At most {settings.BULK_ITEMS} items at once.")
        return items


class BulkItem(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    id = serializers.UUIDField(required=False)
    done = serializers.BooleanField(required=False)
    error = serializers.DictField(required=False)


class BulkAnswer(serializers.Serializer[Any]):
    """A line for each item: its job, or why there is none."""

    batch_id = serializers.UUIDField()
    accepted = serializers.IntegerField()
    items = BulkItem(many=True)


_READER = SynthesisBody()  # it keeps nothing of what it reads, and is dear to make


def read_synthesis(data: Any, reader: SynthesisBody = _READER) -> SynthesisRequest:
    """The request a body describes; a ValidationError says what is wrong with it."""
    fields = dict(reader.run_validation(data))
    fields["priority"] = Priority[fields["priority"].upper()]
    fields.setdefault("voice", "")
    return SynthesisRequest(**fields)


def idempotency_key(key: str | None) -> str | None:
    """The header as it is kept, if it was sent."""
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise serializers.ValidationError(
            {"Idempotency-Key": [f"1 to {LONGEST_KEY} printable ASCII characters."]}
        )
    return key


def day(request: Request, name: str) -> datetime | None:
    """A day in the query, as its first moment in UTC."""
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        found: date = serializers.DateField().run_validation(given)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({name: error.detail}) from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise serializers.ValidationError({name: [f"From {FIRST_YEAR} to {LAST_YEAR}."]})
    return datetime.combine(found, time.min, UTC)
