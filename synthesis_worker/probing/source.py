"""An upload, opened with one demuxer and a few decoders, and decoded in bounded steps."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import av
import av.error

from synthesis_worker.probing.containers import promised_bytes
from synthesis_worker.probing.reasons import Refused, reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from synthesis_worker.probing.containers import Container
    from synthesis_worker.probing.frames import Floats
    from synthesis_worker.probing.verdict import Limits, Reason

# What a decoder may make of one byte, far above any recording: more is a bomb.
SAMPLES_PER_BYTE: Mapping[str, int] = {"flac": 32, "alac": 32, "mp3": 64, "mp3float": 64}
MOST_SAMPLES_PER_BYTE = 256
FREE_SAMPLES = 30 * 48_000 * 2
BROKEN = (av.error.FFmpegError, ValueError)
MOST_BROKEN_SHARE = 0.5
ENOUGH_BROKEN = 200
MISSING = 0.02  # of the declared length; less is an encoder's padding


@dataclass(slots=True)
class Source:
    """An opened file: what its header says, and what was met while it was decoded."""

    container: Container
    limits: Limits
    opened: Any
    track: Any
    size: int
    codec: str
    rate: int
    channels: int
    declared_seconds: float
    promised_bytes: int
    samples: int = 0
    packets: int = 0
    broken: int = 0
    shape: tuple[str, str, int] | None = None

    @property
    def seconds(self) -> float:
        return self.samples / self.rate if self.rate else 0.0

    def reasons(self, broken_samples: int) -> list[Reason]:
        """What was wrong with the file, though it could be read."""
        missing = self.declared_seconds - self.seconds
        short = self.container.says_length and missing > max(0.5, MISSING * self.declared_seconds)
        cut_off = short or self.promised_bytes * (1 - MISSING) > self.size
        damaged = self.broken or broken_samples
        found = {"truncated": cut_off, "damaged": damaged}
        return [reason(code) for code, holds in found.items() if holds]


def open_source(file: BinaryIO, container: Container, limits: Limits) -> Source:
    """Refuses what the header gives away, before anything is decoded."""
    promised = promised_bytes(file, container)
    size = file.seek(0, 2)
    file.seek(0)
    opened = _open(file, container)
    if not opened.streams.audio:
        raise Refused("no_sound")
    track = opened.streams.audio[0]
    context = track.codec_context
    if context is None or context.codec.name not in container.codecs.split(","):
        raise Refused("codec_unsupported")
    context.thread_count = 1
    source = Source(
        container, limits, opened, track, size, context.codec.name.removesuffix("float"),
        context.sample_rate, context.channels, _declared(track), promised,
    )  # fmt: skip
    _check_header(source)
    return source


def _open(file: BinaryIO, container: Container) -> Any:
    """No demuxer, decoder or protocol but these: nothing in the file can name another file."""
    options = {
        "protocol_whitelist": "none",
        "format_whitelist": container.demuxer,
        "codec_whitelist": container.codecs,
    }
    try:
        return av.open(file, "r", format=container.demuxer, container_options=options)
    except MemoryError:
        raise
    except Exception as error:
        raise Refused("unreadable") from error


def _declared(track: Any) -> float:
    if not track.duration or not track.time_base:
        return 0.0
    return max(0.0, float(track.duration * track.time_base))


def _check_header(source: Source) -> None:
    limits = source.limits
    if not 1 <= source.channels <= limits.channels:
        raise Refused("bad_header", f"It names {source.channels} channels.")
    if not limits.lowest_rate <= source.rate <= limits.highest_rate:
        raise Refused("bad_header", f"It names a sample rate of {source.rate} Hz.")
    if source.container.says_length and source.declared_seconds > limits.seconds:
        raise Refused("too_long", f"At most {limits.seconds / 60:g} minutes are taken.")


def sound_of(source: Source) -> Iterator[Floats]:
    """The sound as (channels, samples) at its own rate, a second at a time."""
    for second in _seconds(source):
        source.samples += second.samples
        _check_amount(source)
        yield second.to_ndarray().reshape(-1, source.channels).T
    _check_damage(source)


def _seconds(source: Source) -> Iterator[Any]:
    """What is broken, or unlike what came first, is counted and left out."""
    to_seconds: Any = None
    for frame in _frames(source):
        if to_seconds is None:
            to_seconds = _begin(source, frame)
        if _fits(source, frame):
            frame.pts = None
            yield from to_seconds.resample(frame)
        else:
            _count_broken(source)
    if to_seconds:
        yield from to_seconds.resample(None)


def _begin(source: Source, frame: Any) -> Any:
    """The first frame says what the sound is; a header may have known less (HE-AAC)."""
    source.rate, source.channels = frame.sample_rate, frame.layout.nb_channels
    source.shape = _shape(frame)
    _check_header(source)
    # Packed, not planar: PyAV 18.1 runs past the end of a planar frame of eight channels.
    rate = frame.sample_rate
    return av.AudioResampler(format="flt", layout=frame.layout, rate=rate, frame_size=rate)


def _shape(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _fits(source: Source, frame: Any) -> bool:
    return _shape(frame) == source.shape


def _frames(source: Source) -> Iterator[Any]:
    with contextlib.suppress(*BROKEN):
        for packet in source.opened.demux(source.track):
            source.packets += 1
            try:
                yield from packet.decode()
            except MemoryError:
                raise
            except BROKEN:
                _count_broken(source)


def _count_broken(source: Source) -> None:
    source.broken += 1
    if source.broken >= ENOUGH_BROKEN:
        _check_damage(source)


def _check_amount(source: Source) -> None:
    """Never more than the limit, whatever the header said, and no bombs."""
    if source.seconds > source.limits.seconds:
        raise Refused("too_long", f"At most {source.limits.seconds / 60:g} minutes are taken.")
    each = SAMPLES_PER_BYTE.get(source.codec, MOST_SAMPLES_PER_BYTE)
    if source.samples * source.channels > FREE_SAMPLES + each * source.size:
        raise Refused("too_large_decoded")


def _check_damage(source: Source) -> None:
    if not source.samples or source.broken > MOST_BROKEN_SHARE * source.packets:
        raise Refused("unreadable" if source.broken else "no_sound")
