"""Waveforms to files in memory and back; the same sound always gives the same bytes."""

import io
from typing import cast

import av
import av.error
import numpy as np
import soundfile

from synthesis_worker.audio.formats import AudioError, Format, format_named
from synthesis_worker.audio.frames import frames_of
from synthesis_worker.audio.shape import resample
from synthesis_worker.contract import Waveform

LOWEST_RATE, HIGHEST_RATE = 8000, 48000
LARGEST_RIFF = 2**32 - 2**16  # a RIFF header counts bytes in 32 bits

# No random serial number and no writer's version: the bytes depend on the sound alone.
EXACT_CONTAINER = {"fflags": "+bitexact"}
EXACT_CODEC = {"flags": "+bitexact"}


def encode(waveform: Waveform, name: str, sample_rate: int | None = None) -> bytes:
    """The sound as a file of the named format, at its own rate or the nearest one that fits.

    A rate that was asked for and that the format does not have is refused.
    """
    target = format_named(name)
    sound = resample(waveform, _choose_rate(target, waveform.sample_rate, sample_rate))
    if not len(sound.samples):
        raise AudioError("There is no sound to encode.", code="empty_audio")
    if not np.isfinite(sound.samples).all():
        raise AudioError("The sound holds numbers that are no samples (NaN or infinite).")
    return _encode_with_av(sound, target) if target.codec else _encode_pcm(sound, target)


def decode(data: bytes) -> Waveform:
    """The first audio track of a file of any common format, mixed down to mono at its own rate."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            return _decode_track(container)
    except (av.error.FFmpegError, ValueError) as error:
        raise AudioError(f"This is not a sound file that can be read: {error}") from error


def _choose_rate(target: Format, own: int, asked: int | None) -> int:
    if asked is None:
        return target.nearest_rate(own)
    if not LOWEST_RATE <= asked <= HIGHEST_RATE or target.nearest_rate(asked) != asked:
        rates = ", ".join(map(str, target.rates)) or f"{LOWEST_RATE} to {HIGHEST_RATE}"
        raise AudioError(
            f"{target.name} has no sample rate of {asked}; use {rates}.",
            code="unsupported_sample_rate",
        )
    return asked


def _encode_pcm(sound: Waveform, target: Format) -> bytes:
    file = io.BytesIO()
    too_long = target.container == "WAV" and sound.samples.size * 2 > LARGEST_RIFF
    soundfile.write(
        file,
        sound.samples,
        sound.sample_rate,
        format="RF64" if too_long else target.container,
        subtype="PCM_16",
    )
    return file.getvalue()


def _encode_with_av(sound: Waveform, target: Format) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=target.container, container_options=EXACT_CONTAINER) as out:
        added = out.add_stream(target.codec, rate=sound.sample_rate, options=dict(EXACT_CODEC))
        stream = cast(av.AudioStream, added)
        stream.layout = "mono"
        stream.format = target.sample_format
        stream.bit_rate = target.bit_rate
        for frame in frames_of(sound, target.sample_format):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def _decode_track(container: av.container.InputContainer) -> Waveform:
    if not container.streams.audio:
        raise AudioError("The file has no audio track.")
    track = container.streams.audio[0]
    to_mono = av.AudioResampler(format="flt", layout="mono", rate=track.rate)
    rows = [
        part.to_ndarray()[0]
        for frame in (*container.decode(track), None)
        for part in to_mono.resample(frame)
    ]
    samples = np.concatenate(rows) if rows else np.zeros(0, np.float32)
    return Waveform(samples, track.rate)
