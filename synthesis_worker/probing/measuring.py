"""From an upload to its measures: decoded once, then listened to in its canonical form."""

from __future__ import annotations

import math
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

# PyAV and numpy load some of these when they first need them; by then no file can be opened.
import av.logging
import av.subtitles.codeccontext
import av.subtitles.stream
import av.video.codeccontext
import av.video.stream
import numpy.ma  # noqa: F401

from synthesis_worker.probing.canonical import CanonicalWriter, blocks_of
from synthesis_worker.probing.frames import QUIETEST, frames_of
from synthesis_worker.probing.levels import BandMeter, LoudnessMeter, PeakMeter
from synthesis_worker.probing.listening import listen
from synthesis_worker.probing.rules import reasons_for
from synthesis_worker.probing.source import open_source, sound_of
from synthesis_worker.probing.verdict import Measures
from synthesis_worker.probing.wave_header import RATE
from synthesis_worker.probing.waveform import WaveformMeter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from synthesis_worker.probing.containers import Container
    from synthesis_worker.probing.frames import Floats
    from synthesis_worker.probing.listening import Heard
    from synthesis_worker.probing.source import Source
    from synthesis_worker.probing.verdict import Limits

DECODED = 0.4  # how far the way is when all is decoded


class Measuring:
    """One file on its way; each step leaves behind what the next needs."""

    def __init__(self, source: Source, sample: BinaryIO, say: Callable[[float], None]) -> None:
        self.source, self.sample, self.say = source, sample, say
        self.peak, self.loudness, self.waveform = PeakMeter(), LoudnessMeter(), WaveformMeter()

    def decode(self, upload: BinaryIO) -> None:
        """Measure what only the file's own rate can show, and write the canonical sound."""
        sounds = sound_of(self.source)
        first = next(sounds)
        writer = CanonicalWriter(self.sample, self.source.rate)
        self.band = BandMeter(self.source.rate)
        for sound in chain([first], sounds):
            mono = self.peak.add(sound).mean(axis=0)
            self.band.add(mono)
            writer.write(mono)
            self.say(DECODED * upload.tell() / self.source.size)
        writer.close()

    def heard(self) -> Heard:
        return listen(frames_of(self._blocks()))

    def _blocks(self) -> Iterator[Floats]:
        done = 0
        for block in blocks_of(self.sample):
            if block.any():  # silence is below the standard's gate
                self.loudness.add(block)
            self.waveform.add(block)
            yield block
            done += len(block)
            self.say(DECODED + (1 - DECODED) * done / RATE / self.source.seconds)

    def measures(self, heard: Heard) -> Measures:
        source = self.source
        loudest = max(self.peak.peak, 10 ** (QUIETEST / 20))
        return Measures(
            seconds=round(source.seconds, 3),
            container=source.container.name,
            codec=source.codec,
            sample_rate=source.rate,
            channels=source.channels,
            loudness_lufs=self.loudness.lufs,
            peak_dbfs=round(20 * math.log10(loudest), 2),
            clipped_share=round(self.peak.clipped_share, 5),
            bandwidth_hz=self.band.bandwidth,
            **asdict(heard),
        )


def measure(
    upload: BinaryIO, container: Container, limits: Limits, sample: BinaryIO,
    say: Callable[[float], None],
) -> dict[str, Any]:  # fmt: skip
    """Everything that is known of the file, as plain JSON."""
    av.logging.set_level(None)
    source = open_source(upload, container, limits)
    measuring = Measuring(source, sample, say)
    measuring.decode(upload)
    measures = measuring.measures(measuring.heard())
    reasons = [*source.reasons(measuring.peak.broken), *reasons_for(measures, limits)]
    return {
        "reasons": [asdict(reason) for reason in reasons],
        "measures": asdict(measures),
        "peaks": measuring.waveform.pairs(),
    }
