"""Sound as files of every container that people upload, made as their recorders make them."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
import soundfile

from synthesis_worker.audio import join, resample
from synthesis_worker.contract import SpeechRequest, Waveform
from synthesis_worker.engines.espeak import EspeakEngine

STORY = (
    "The north wind and the sun were arguing one day about which of them was the stronger, when a "
    "traveller came along wrapped in a warm coat. They agreed that the one who first made the "
    "traveller take his coat off should be considered stronger than the other. Then the north wind "
    "blew as hard as he could. But the more he blew, the more closely did the traveller fold his "
    "coat around him."
)


@cache
def speech(model: str = "en-us", text: str = STORY, pitch: float = 0.0) -> Waveform:
    """The text spoken by one espeak voice, at 24 kHz."""
    request = SpeechRequest(text, "", model, dials={"pitch": pitch} if pitch else {})
    return resample(join(EspeakEngine().synthesize(request)), 24_000)


def piece(sound: Waveform, seconds: float) -> Waveform:
    return Waveform(sound.samples[: int(seconds * sound.sample_rate)], sound.sample_rate)


def pcm_file(
    sound: Waveform, kind: str = "WAV", subtype: str = "PCM_16", channels: int = 1
) -> bytes:
    file = io.BytesIO()
    samples = np.repeat(sound.samples[:, np.newaxis], channels, axis=1)
    soundfile.write(file, samples, sound.sample_rate, format=kind, subtype=subtype)
    return file.getvalue()


def coded_file(
    sound: Waveform, container: str, codec: str, *, layout: str = "mono", streaming: bool = False,
    picture: bool = False,
) -> bytes:  # fmt: skip
    """`streaming` writes as a browser's recorder does: no length in the header, no index."""
    file: Any = _OneWay() if streaming else io.BytesIO()
    options = {"fflags": "+bitexact", **({"live": "1"} if streaming else {})}
    with av.open(file, "w", format=container, container_options=options) as out:
        stream: Any = out.add_stream(codec, rate=sound.sample_rate)
        stream.layout = layout
        cover = _add_cover(out) if picture else None
        if cover:
            out.mux(cover)
        converter = av.AudioResampler(
            format=stream.codec_context.format.name, layout=layout, rate=stream.rate,
            frame_size=stream.codec_context.frame_size or 1024,
        )  # fmt: skip
        for frame in converter.resample(_frame(sound)) + converter.resample(None):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return bytes(file.getvalue())


def _frame(sound: Waveform) -> av.AudioFrame:
    samples = np.ascontiguousarray(sound.samples[np.newaxis], np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="flt", layout="mono")
    frame.sample_rate, frame.pts = sound.sample_rate, 0
    frame.time_base = Fraction(1, sound.sample_rate)
    return frame


def _add_cover(out: Any) -> Any:
    cover = out.add_stream("mjpeg", rate=1)
    cover.width = cover.height = 64
    cover.pix_fmt = "yuvj420p"
    cover.disposition = av.stream.Disposition.attached_pic
    picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
    packets = cover.encode(picture.reformat(format="yuvj420p")) + cover.encode(None)
    return packets[0]


class _OneWay(io.BytesIO):
    """A file that cannot be gone back in, as a stream over the network."""

    def seekable(self) -> bool:
        return False

    seek = None  # type: ignore[assignment]
