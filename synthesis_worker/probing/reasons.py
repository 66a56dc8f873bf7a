"""Every reason a probe can give, in words for the person who made the recording."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from synthesis_worker.probing.verdict import ACCEPTED, REJECTED, WARNED, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from synthesis_worker.probing.verdict import Verdict

FORMATS = "Please send WAV, MP3, M4A, OGG, WebM or FLAC."
AGAIN = "Please export or upload the file again."
QUIET_ROOM = "Record in a quiet room with soft furniture, away from fans, traffic and music."
ONE_VOICE = "Send one person's voice only, on the same microphone throughout."

REASONS: Mapping[str, Reason] = {
    one.code: one
    for one in (
        Reason("empty_file", "The file is empty.", AGAIN, sure=True),
        Reason("not_audio", "This is not a sound file that we can read.", FORMATS, sure=True),
        Reason("container_unsupported", "This kind of file is not taken.", FORMATS, sure=True),
        Reason("codec_unsupported", "The sound in this file is coded in a way that is not taken.",
               FORMATS, sure=True),
        Reason("no_sound", "There is no sound in this file.", FORMATS, sure=True),
        Reason("bad_header", "The file's header makes no sense.", AGAIN, sure=True),
        Reason("unreadable", "The file is too damaged to be read.", AGAIN, sure=True),
        Reason("damaged", "Parts of the file are damaged and were left out.", AGAIN, sure=False),
        Reason("truncated", "A part of the recording is missing from the file.",
               "Please upload the file again; it may have been cut off on its way.", sure=False),
        Reason("file_too_large", "The file is too large.",
               "Send a shorter piece, or a compressed format such as FLAC or MP3.", sure=True),
        Reason("too_long", "The recording is too long.",
               "Cut out the best few minutes and send those.", sure=True),
        Reason("too_large_decoded", "The file unpacks to far more sound than a recording of its "
               "size can hold.", "Please export the recording again as WAV or FLAC.", sure=True),
        Reason("probe_timeout", "The file took too long to read.",
               "Send a shorter piece, or export it again as WAV.", sure=True),
        Reason("probe_memory", "The file took too much memory to read.",
               "Send a shorter piece, or export it again as WAV.", sure=True),
        Reason("probe_failed", "The file could not be checked.",
               "Export it again, as WAV if you can.", sure=True),
        Reason("silent", "There is nothing to hear.",
               "Check that the right microphone is chosen and not muted.", sure=True),
        Reason("too_short", "There is too little speech in this recording.",
               "Speak for ten seconds or more, without long pauses.", sure=True),
        Reason("not_speech", "This does not sound like speech.",
               "Send a recording of one person who speaks, without music.", sure=True),
        # Its bound was found with synthetic voices alone: a person has the last word.
        Reason("several_speakers", "There seems to be more than one voice in this recording.",
               ONE_VOICE, sure=False),
        Reason("maybe_not_speech", "We are not certain that this is speech.",
               "Listen to it: there should be one person who speaks, and no music.", sure=False),
        Reason("maybe_several_speakers", "There may be more than one voice in this recording.",
               ONE_VOICE, sure=False),
        Reason("too_quiet", "The recording is very quiet.",
               "Go nearer to the microphone, to about a hand's width, or turn it up.", sure=False),
        Reason("clipped", "The loudest parts are cut off, which sounds harsh.",
               "Go further from the microphone, or turn its level down.", sure=False),
        Reason("noisy", "There is a lot of noise behind the voice.", QUIET_ROOM, sure=False),
        Reason("narrow_band", "The recording sounds dull, like a telephone.",
               "Record with a microphone rather than over a call, at 24 kHz or more.", sure=False),
        Reason("much_silence", "A large part of the recording is silence.",
               "Cut out the long pauses.", sure=False),
    )
}  # fmt: skip


class Refused(Exception):
    """The file goes no further: a reason's code, and what is known beyond its words."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.reason = reason(code, detail)


def reason(code: str, detail: str = "") -> Reason:
    plain = REASONS[code]
    return replace(plain, message=f"{plain.message} {detail}".strip())


def verdict_of(reasons: Sequence[Reason]) -> Verdict:
    """Only a sure reason rejects; any other leaves it to a person."""
    if any(one.sure for one in reasons):
        return REJECTED
    return WARNED if reasons else ACCEPTED
