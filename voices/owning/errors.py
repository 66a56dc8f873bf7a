"""What voices of one's own refuse. Each carries a stable code; its docstring is its message.

VoiceError
├── StockVoiceError             403 stock_voice
├── NoCustomVoicesError         403 tier_without_custom_voices
├── ConsentMissingError         403 consent_missing
├── ConsentWithdrawnError       403 consent_withdrawn (also how jobs end)
├── ConsentNotFoundError        404 consent_not_found
├── SampleNotMadeError          404 sample_not_made
├── TrainingNotFoundError       404 training_not_found
├── SlugTakenError              409 slug_taken
├── VoiceBusyError              409 voice_busy
├── NothingToPublishError       409 nothing_to_publish
├── NothingToRollBackError      409 nothing_to_roll_back
├── SlugUnfitError              422 slug_unfit
├── ConsentTextUnknownError     422 consent_text_unknown
├── SampleUnusableError         422 sample_unusable
├── SamplesMissingError         422 samples_missing
├── SamplesTooShortError        422 samples_too_short
├── SamplesTooLongError         422 samples_too_long
├── TranscriptsMissingError     422 recogniser_missing
└── SettingsRefusedError        422 setting_unsupported, setting_out_of_range
VoiceNotFoundError
└── VoiceNotReadyError          409 voice_not_ready
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voices.errors import VoiceError, VoiceNotFoundError
from voices.transcripts import ONE_CLIP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voices.routing import Refusal


class StockVoiceError(VoiceError):
    """A stock voice is seen by all and changed by none; create a voice of your own."""

    code = "stock_voice"
    status = 403


class NoCustomVoicesError(VoiceError):
    """This tenant's tier has no voices of its own; a tier with custom voices is needed."""

    code = "tier_without_custom_voices"
    status = 403


class ConsentMissingError(VoiceError):
    """No consent covers these recordings: record the speaker's consent first."""

    code = "consent_missing"
    status = 403


class ConsentWithdrawnError(VoiceError):
    """The speaker's consent was withdrawn: this voice speaks no more."""

    code = "consent_withdrawn"
    status = 403


class ConsentNotFoundError(VoiceError):
    """There is no such consent."""

    code = "consent_not_found"
    status = 404


class SampleNotMadeError(VoiceError):
    """Nobody has had this voice's sentence spoken yet: that needs the scope jobs:write."""

    code = "sample_not_made"
    status = 404


class TrainingNotFoundError(VoiceError):
    """This voice was never trained."""

    code = "training_not_found"
    status = 404


class SlugTakenError(VoiceError):
    """There is a voice of this slug already, of yours or of the stock; choose another."""

    code = "slug_taken"
    status = 409


class SlugUnfitError(VoiceError):
    """A slug has 2 to 60 of a-z, 0-9 and -, has no - at its ends, and is no id."""

    code = "slug_unfit"


class VoiceBusyError(VoiceError):
    """This voice is being made already: wait for the end of that job, or cancel it."""

    code = "voice_busy"
    status = 409


class VoiceNotReadyError(VoiceNotFoundError):
    """This voice has nothing published yet: clone or train it first."""

    code = "voice_not_ready"
    status = 409


class NothingToPublishError(VoiceError):
    """There is no draft that an engine speaks: change a setting, or clone or train it first."""

    code = "nothing_to_publish"
    status = 409


class NothingToRollBackError(VoiceError):
    """Nothing was published before what is published now."""

    code = "nothing_to_roll_back"
    status = 409


class ConsentTextUnknownError(VoiceError):
    """There is no consent text of this version; see /api/v1/consent-text."""

    code = "consent_text_unknown"


class SampleUnusableError(VoiceError):
    """A sample named here is not of this voice, or was not accepted."""

    code = "sample_unusable"


class SamplesMissingError(VoiceError):
    """This voice has no sample that can be used: upload one, or decide on those with a warning."""

    code = "samples_missing"


class SamplesTooShortError(VoiceError):
    """The samples are too short for this engine."""

    code = "samples_too_short"


class SamplesTooLongError(VoiceError):
    """The samples are too long for this engine."""

    code = "samples_too_long"


class TranscriptsMissingError(VoiceError):
    """A recording says nothing of its words, and no worker here can write them down."""

    code = "recogniser_missing"

    def __init__(self, names: Sequence[str]) -> None:
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")  # noqa: PLR2004
        super().__init__(
            "No training worker here can write down what is said, so each recording needs a"
            f" transcript: SRT, VTT or CSV with times, or plain text where it has {ONE_CLIP:g}"
            f" seconds at most. These have none: {shown}. Or have an operator install a recogniser."
        )
        self.details = {"samples": list(names)}


class SettingsRefusedError(VoiceError):
    """No engine of this voice can express these settings."""

    code = "setting_unsupported"

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(" ".join(refusal.message for refusal in refusals))
        self.code = refusals[0].code
        self.details = {"engines": [refusal.as_json() for refusal in refusals]}
