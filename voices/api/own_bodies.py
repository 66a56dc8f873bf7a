"""Voices of one's own as the API takes and shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.api.presenting import error_of, moment
from voices.api.asking import Dial, KnownFields
from voices.dials import ADVANCED, SETTINGS, Setting
from voices.owning.describing import SLUG, TAG
from voices.requests import ENGINE
from voices.samples.errors import MOST_SAMPLES

if TYPE_CHECKING:
    from voices.models import Consent
    from voices.owning.learning import Training
    from voices.owning.scorecard import Scorecard
    from voices.owning.selectors import Desk

MOST_ADVANCED = 50
NOT_MEASURED = "not measured"


class VoiceChange(KnownFields):
    """What is said of a voice. What is not named stays."""

    name = serializers.CharField(max_length=120)
    language = serializers.RegexField(TAG, max_length=35, help_text="BCP 47, such as en-GB.")
    gender = serializers.CharField(max_length=20, allow_blank=True, required=False)
    description = serializers.CharField(max_length=2_000, allow_blank=True, required=False)


class VoiceBody(VoiceChange):
    """A voice to be made."""

    slug = serializers.RegexField(SLUG, help_text="What requests name it by; it stays.")


class Switch(serializers.BooleanField):
    """True or false, and no words for them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("This must be true or false.")
        return data


def _field(setting: Setting) -> serializers.Field[Any, Any, Any, Any]:
    if setting.switch:
        return Switch(required=False, help_text=setting.says)
    return Dial(
        required=False, min_value=setting.low, max_value=setting.high, help_text=setting.says
    )


class SettingsBody(KnownFields):
    """All the settings: those that are not named stand at their defaults."""

    advanced = serializers.DictField(
        child=serializers.DictField(child=Dial()),
        required=False,
        help_text="Dials of single engines, by engine and name.",
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {name: _field(setting) for name, setting in SETTINGS.items()} | super().get_fields()

    def validate_advanced(self, advanced: dict[str, Any]) -> dict[str, Any]:
        """Names are checked against the engines; here, that there are not too many."""
        if max([len(advanced), *map(len, advanced.values())]) > MOST_ADVANCED:
            raise serializers.ValidationError("These are too many.")
        return advanced


class SettingDetail(serializers.Serializer[Any]):
    """How far a setting goes, and which of the voice's engines can express it."""

    low = serializers.FloatField()
    high = serializers.FloatField()
    default = serializers.JSONField()
    says = serializers.CharField()
    engines = serializers.ListField(child=serializers.CharField())


class SettingsDetail(serializers.Serializer[Any]):
    """The draft's settings; or what is published, where nothing was changed since."""

    revision = serializers.UUIDField(allow_null=True)
    state = serializers.CharField(allow_blank=True)
    settings = serializers.DictField(help_text="All of them, each where it stands.")
    advanced = serializers.DictField(child=serializers.DictField(child=serializers.FloatField()))
    dials = serializers.DictField(child=SettingDetail())
    engines = serializers.DictField(
        child=serializers.DictField(), help_text="Each engine's own dials, for `advanced`."
    )


@extend_schema_field(
    {
        "oneOf": [
            {"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 1},
            {"type": "string", "enum": ["all"]},
        ]
    }
)
class SampleChoice(serializers.Field[Any, Any, Any, Any]):
    """Ids of samples, or "all" that can be used."""

    def to_internal_value(self, data: Any) -> Any:
        if data == "all":
            return None
        ids = serializers.ListField(
            child=serializers.UUIDField(), min_length=1, max_length=MOST_SAMPLES
        )
        return ids.run_validation(data)


class ConsentBody(KnownFields):
    """Somebody agrees to the text of this version, for these samples."""

    speaker = serializers.CharField(max_length=120, help_text="Whose voice it is.")
    text_version = serializers.CharField(max_length=20, help_text="See /api/v1/consent-text.")
    samples = SampleChoice(help_text='Ids of samples, or "all" that can be used.')
    recording = serializers.UUIDField(
        required=False, allow_null=True, help_text="A sample: the consent itself, spoken."
    )


class ConsentDetail(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    speaker = serializers.CharField()
    text_version = serializers.CharField()
    recorded_by = serializers.CharField()
    samples = serializers.ListField(child=serializers.CharField(), help_text="SHA-256 of each.")
    recording = serializers.UUIDField(allow_null=True)
    given_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    withdrawn_by = serializers.CharField(allow_blank=True)


class ConsentTextDetail(serializers.Serializer[Any]):
    version = serializers.CharField()
    texts = serializers.DictField(child=serializers.CharField(), help_text="By language.")


class CloneBody(KnownFields):
    """A voice to be cloned from its samples."""

    voice = serializers.CharField(max_length=60, help_text="Slug or id of a voice of your own.")
    engine = serializers.RegexField(ENGINE, required=False)
    samples = SampleChoice(required=False, help_text='Ids of samples; default: "all".')


class OwnTrainBody(KnownFields):
    """A voice to be trained from its samples, where it is known which."""

    engine = serializers.RegexField(
        ENGINE, required=False, help_text="Whose voice it is to be: piper, xtts_v2."
    )
    samples = SampleChoice(required=False, help_text='Ids of samples; default: "all".')
    steps = serializers.IntegerField(
        required=False, min_value=1, help_text="Default: the trainer's own."
    )


class TrainBody(OwnTrainBody):
    """A voice to be trained from its samples."""

    voice = serializers.CharField(max_length=60, help_text="Slug or id of a voice of your own.")


class LossPoint(serializers.Serializer[Any]):
    step = serializers.IntegerField()
    losses = serializers.DictField(child=serializers.FloatField(), help_text="By name.")


class PreviewDetail(serializers.Serializer[Any]):
    """A sentence that the trained voice spoke by itself."""

    text = serializers.CharField()
    job_id = serializers.UUIDField()
    audio_url = serializers.CharField(help_text="Once its job has succeeded.")


class TrainingDetail(serializers.Serializer[Any]):
    """The latest training of a voice: how far it is, from what, and how wrong it was on the way."""

    job_id = serializers.UUIDField()
    state = serializers.CharField()
    engine = serializers.CharField()
    error = serializers.DictField(allow_null=True, help_text="Code and message of its end.")
    progress = serializers.FloatField()
    step = serializers.IntegerField(help_text="The last one that was told.")
    steps = serializers.IntegerField()
    seconds_left = serializers.FloatField(allow_null=True, help_text="While it runs.")
    dataset = serializers.DictField(
        allow_null=True, help_text="Clips, seconds, phonemes, and what was left out and why."
    )
    losses = LossPoint(many=True)
    previews = PreviewDetail(many=True)


class CloneScore(serializers.Serializer[Any]):
    engine = serializers.CharField()
    kind = serializers.CharField(help_text="clone or train.")
    state = serializers.CharField(help_text="published, or draft: it waits to be published.")
    likeness = serializers.CharField(help_text='0 to 1, or "not measured".')
    about = serializers.DictField(
        help_text="Of a training: clips, seconds, steps, losses, base, batch, the data set's hash."
    )


class ScorecardDetail(serializers.Serializer[Any]):
    """What the voice is made from, how alike its clones are, and what was trained from what."""

    samples = serializers.DictField(child=serializers.IntegerField(), help_text="By state.")
    usable = serializers.IntegerField()
    seconds = serializers.FloatField(help_text="Of all that can be used.")
    measures = serializers.DictField(child=serializers.FloatField())
    reasons = serializers.DictField(child=serializers.IntegerField())
    clones = CloneScore(many=True)


def present_training(training: Training) -> dict[str, Any]:
    """The fields of TrainingDetail."""
    told, over = training.told, training.job.ended_at is not None
    return {
        "job_id": str(training.job.id),
        "state": training.job.state,
        "engine": training.engine,
        "error": error_of(training.job),
        "progress": training.job.progress,
        "step": training.step,
        "steps": training.steps,
        "seconds_left": None if over else told.get("seconds_left"),
        "dataset": training.dataset,
        "losses": [{"step": one.step, "losses": one.losses} for one in training.losses],
        "previews": [
            {**one, "audio_url": f"/api/v1/jobs/{one['job_id']}/audio"} for one in training.previews
        ],
    }


def present_desk(desk: Desk) -> dict[str, Any]:
    """The fields of SettingsDetail."""
    return {
        "revision": desk.revision and str(desk.revision),
        "state": desk.state,
        "settings": desk.settings,
        ADVANCED: desk.advanced,
        "dials": desk.dials,
        "engines": desk.engines,
    }


def present_consent(consent: Consent) -> dict[str, Any]:
    """The fields of ConsentDetail."""
    return {
        "id": str(consent.id),
        "speaker": consent.speaker,
        "text_version": consent.text_version,
        "recorded_by": consent.recorded_by,
        "samples": consent.samples,
        "recording": consent.recording_id and str(consent.recording_id),
        "given_at": moment(consent.given_at),
        "withdrawn_at": moment(consent.withdrawn_at),
        "withdrawn_by": consent.withdrawn_by,
    }


def present_scorecard(card: Scorecard) -> dict[str, Any]:
    """The fields of ScorecardDetail."""
    return {
        "samples": card.states,
        "usable": card.usable,
        "seconds": card.seconds,
        "measures": card.measures,
        "reasons": card.reasons,
        "clones": [
            {
                "engine": clone.engine,
                "kind": clone.kind,
                "state": clone.state,
                "about": clone.about,
                "likeness": NOT_MEASURED if clone.likeness is None else f"{clone.likeness:.2f}",
            }
            for clone in card.clones
        ],
    }
