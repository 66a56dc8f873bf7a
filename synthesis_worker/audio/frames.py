"""Waveforms as ffmpeg's frames, and ffmpeg's filters over waveforms."""

from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
import av.filter
import numpy as np

from synthesis_worker.contract import Waveform


def frames_of(waveform: Waveform, sample_format: str = "flt") -> Iterator[av.AudioFrame]:
    """Cut the sound into frames of a second, so that an hour needs no second copy of itself."""
    rate = waveform.sample_rate
    for start in range(0, len(waveform.samples), rate):
        piece = np.ascontiguousarray(waveform.samples[start : start + rate])[np.newaxis]
        frame = av.AudioFrame.from_ndarray(piece, format=sample_format, layout="mono")
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = start
        yield frame


def run_filters(waveform: Waveform, *filters: tuple[str, str]) -> Iterator[av.AudioFrame]:
    """Push the sound through (name, arguments) filters in a row and yield what comes out."""
    graph = _build_graph(waveform.sample_rate, filters)
    for frame in frames_of(waveform):
        graph.push(frame)
        yield from _ready_frames(graph)
    graph.push(None)
    yield from _ready_frames(graph)


def filtered(waveform: Waveform, *filters: tuple[str, str]) -> Waveform:
    """The sound after these filters, at the same rate."""
    rows = [frame.to_ndarray()[0] for frame in run_filters(waveform, *filters)]
    samples = np.concatenate(rows) if rows else np.zeros(0, np.float32)
    return Waveform(samples.astype(np.float32, copy=False), waveform.sample_rate)


def _build_graph(rate: int, filters: tuple[tuple[str, str], ...]) -> av.filter.Graph:
    graph = av.filter.Graph()
    last = graph.add_abuffer(
        sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate)
    )
    back_to_float = ("aformat", "sample_fmts=flt:channel_layouts=mono")
    for name, arguments in (*filters, back_to_float, ("abuffersink", "")):
        node = graph.add(name, arguments)
        last.link_to(node)
        last = node
    graph.configure()
    return graph


def _ready_frames(graph: av.filter.Graph) -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        if isinstance(frame, av.AudioFrame):
            yield frame
