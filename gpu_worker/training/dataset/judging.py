"""Whether a part of a recording is fit to be learnt from: speech, whole, clean, and its text's."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from gpu_worker.training.dataset.limits import limits
from gpu_worker.training.dataset.parts import Unfit
from synthesis_worker.audio import resample
from synthesis_worker.contract import Waveform
from synthesis_worker.probing.frames import HOP, WINDOW, Frames, frames_of
from synthesis_worker.probing.levels import PeakMeter
from synthesis_worker.probing.listening import active_in, listen
from synthesis_worker.probing.rules import RULES
from synthesis_worker.probing.speakers import one_speaker
from synthesis_worker.probing.wave_header import RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpu_worker.training.dataset.hearing import Speech
    from gpu_worker.training.dataset.parts import Cut

KEPT_SILENCE = 0.1  # seconds at each end
ROUNDING = 0.1  # seconds that a transcript may go on after the sound
JUDGED_AS_SPEECH = 4.0  # seconds: of less, speech cannot be told from music
SHORT = 2.0  # seconds: so little may hold no pause to hear the noise in
EDGE = 8  # frames: noise under the words alone is not in the silence around them
NO_SPEECH = next(rule.below for rule in RULES if rule.code == "not_speech")


@dataclass(frozen=True, slots=True)
class Clip:
    sound: Waveform
    frames: Frames
    cut: Cut


def fit_clip(waveform: Waveform, speech: Speech, cut: Cut, longest: float) -> Clip:
    """The clip without the silence around it; Unfit says why not."""
    if cut.given and cut.end > waveform.seconds + ROUNDING:
        raise Unfit(
            "transcript_times",
            f"The recording ends at {waveform.seconds:.1f} s; correct the line's times.",
        )
    cut = _trimmed(waveform, cut)
    sound = part_of(waveform, cut)
    _check_length(sound.seconds, longest, given=cut.given)
    frames = _frames(sound)
    _check_speech(frames, speech.share(cut.start, cut.end), sound.seconds)
    _check_sound(sound, frames)
    _check_text(cut, sound.seconds)
    return Clip(sound, frames, cut)


def same_speaker(clips: Sequence[Frames]) -> float:
    """How sure it is (0 to 1) that all of them are one person's speech."""
    rows = (np.concatenate([getattr(clip, one.name) for clip in clips]) for one in fields(Frames))
    return one_speaker(Frames(*rows), np.concatenate([active_in(clip) for clip in clips]))


def part_of(waveform: Waveform, cut: Cut) -> Waveform:
    first, last = (round(edge * waveform.sample_rate) for edge in (cut.start, cut.end))
    return Waveform(waveform.samples[first:last], waveform.sample_rate)


def _frames(sound: Waveform) -> Frames:
    return frames_of([resample(sound, RATE).samples])


def _trimmed(waveform: Waveform, cut: Cut) -> Cut:
    cut = replace(cut, end=min(cut.end, waveform.seconds))
    active = np.flatnonzero(active_in(_frames(part_of(waveform, cut))))
    if not len(active):
        return cut
    first, last = active[0] * HOP / RATE, (active[-1] * HOP + WINDOW) / RATE
    return replace(
        cut,
        start=max(cut.start, cut.start + float(first) - KEPT_SILENCE),
        end=min(cut.end, cut.start + float(last) + KEPT_SILENCE),
    )


def _check_length(seconds: float, longest: float, *, given: bool) -> None:
    least = limits().least_given_seconds if given else limits().least_clip_seconds
    if seconds < least:
        raise Unfit("clip_too_short", f"There are {seconds:.1f} s of sound; {least} s is least.")
    if seconds > longest:
        raise Unfit(
            "clip_too_long",
            f"{seconds:.1f} s without a pause or a cut; {longest:g} s is most. Divide the line, or"
            " read with short pauses.",
        )


def _check_speech(frames: Frames, share: float, seconds: float) -> None:
    music = seconds >= JUDGED_AS_SPEECH and listen(frames).is_speech < NO_SPEECH
    if music or share < limits().least_speech_share:
        raise Unfit("transcript_mismatch", "No speech is heard where the transcript has words.")


def _check_sound(sound: Waveform, frames: Frames) -> None:
    peak = PeakMeter()
    peak.add(sound.samples[np.newaxis])
    if peak.clipped_share > limits().most_clipped_share:
        raise Unfit("clip_clipped", "Its loudest parts are cut off; turn the microphone down.")
    inner = Frames(*(getattr(frames, one.name)[EDGE:-EDGE] for one in fields(Frames)))
    noisy = listen(inner).snr_db < limits().least_inner_snr_db
    if noisy or (sound.seconds >= SHORT and listen(frames).snr_db < limits().least_snr_db):
        raise Unfit("clip_noisy", "There is a lot of noise behind the voice; find a quiet room.")


def _check_text(cut: Cut, seconds: float) -> None:
    if not any(map(str.isalnum, cut.text)) or cut.match < limits().least_match:
        raise Unfit("transcript_mismatch", "What is heard is not what the transcript says.")
    slowest, fastest = limits().characters_a_second
    pace = len("".join(cut.text.split())) / seconds
    if not slowest <= pace <= fastest:
        raise Unfit(
            "transcript_mismatch",
            f"{pace:.1f} characters a second are not what anybody says; see whether the text"
            " belongs to this part.",
        )
