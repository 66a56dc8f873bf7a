"""What samples refuse. Each carries a stable code and a status; its docstring is its message.

VoiceError
├── SampleNotFoundError      404 sample_not_found
├── SampleTooLargeError      413 sample_too_large
├── TooManySamplesError      409 too_many_samples
├── NotToDecideError         409 not_to_decide
├── SampleInUseError         409 sample_in_use
├── SampleNotReadyError      409 sample_not_ready
├── SampleGoneError          (a probe's: its sample was deleted meanwhile)
└── ScriptNotFoundError      404 script_not_found
"""

from __future__ import annotations

from voices.errors import VoiceError

MOST_SAMPLES = 200  # sentences read one by one, each twice


class SampleNotFoundError(VoiceError):
    """There is no such sample."""

    code = "sample_not_found"
    status = 404


class SampleTooLargeError(VoiceError):
    """This file is larger than a sample may be: send a shorter piece, or a compressed one."""

    code = "sample_too_large"
    status = 413

    def __init__(self, allowed: int) -> None:
        super().__init__(
            f"A sample may have {allowed} bytes: send a shorter piece, or one as FLAC or MP3."
        )
        self.details = {"allowed": allowed}


class TooManySamplesError(VoiceError):
    """A voice may have 200 samples, and has them: delete some first."""

    code = "too_many_samples"
    status = 409
    details = {"allowed": MOST_SAMPLES}


class NotToDecideError(VoiceError):
    """Only a sample that was examined with a warning waits for a person's decision."""

    code = "not_to_decide"
    status = 409


class SampleInUseError(VoiceError):
    """A consent names this sample: withdraw the consent, or erase the voice with all it has."""

    code = "sample_in_use"
    status = 409


class SampleNotReadyError(VoiceError):
    """This sample cannot be heard: it is still examined, or nothing could be heard in it."""

    code = "sample_not_ready"
    status = 409


class SampleGoneError(VoiceError):
    """The sample was deleted while it was examined."""

    code = "sample_gone"
    status = 410


class ScriptNotFoundError(VoiceError):
    """There is no recording script in this language; there is one in `en`."""

    code = "script_not_found"
    status = 404
