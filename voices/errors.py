"""What the voices refuse. Each carries a stable code and a status; its docstring is its message.

VoiceError
├── VoiceNotFoundError       404 voice_not_found
├── SpeechNotAllowedError    403 tier_without_voice
├── LicenceForbidsError      403 licence_forbids
├── NoEngineError            422 no_engine, or the one reason that all engines share
├── AudioNotReadyError       409 audio_not_ready
├── AudioLostError           410 audio_lost
├── AudioExpiredError        410 audio_expired
└── AudioErasedError         410 audio_erased
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voices.routing import Refusal


class VoiceError(Exception):
    code = "voice_error"
    status = 422
    permanent = True  # for the job that ends with it
    details: dict[str, Any] = {}

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else (self.__doc__ or "").strip()


class VoiceNotFoundError(VoiceError):
    """There is no such voice."""

    code = "voice_not_found"
    status = 404


class SpeechNotAllowedError(VoiceError):
    """This tenant's tier has text only; a tier with voices is needed to speak."""

    code = "tier_without_voice"
    status = 403


class LicenceForbidsError(VoiceError):
    """The voice's licence forbids the use this tenant makes of it."""

    code = "licence_forbids"
    status = 403


UNTOLD = {"substitute_refused", "not_asked_for"}  # no reason of their own where there is another


class NoEngineError(VoiceError):
    """No engine can speak this request."""

    code = "no_engine"
    status = 422

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        reasons = [refusal.as_json() for refusal in refusals]
        super().__init__(
            "No engine can speak this request: "
            + (" ".join(refusal.message for refusal in refusals) or "the voice has none.")
        )
        all_codes = {refusal.code for refusal in refusals}
        codes = (all_codes - UNTOLD) or all_codes
        self.code = codes.pop() if len(codes) == 1 else self.code
        self.details = {"engines": reasons}


class AudioNotReadyError(VoiceError):
    """This job has no audio: it has not ended, or it did not succeed."""

    code = "audio_not_ready"
    status = 409


class AudioLostError(VoiceError):
    """This audio is not in the store any more; submit its text, or upload it, again."""

    code = "audio_lost"
    status = 410


class AudioExpiredError(VoiceError):
    """This job's audio was kept for its time and is gone; submit the text again."""

    code = "audio_expired"
    status = 410


class AudioErasedError(VoiceError):
    """This job's voice was erased, and the audio with it."""

    code = "audio_erased"
    status = 410
