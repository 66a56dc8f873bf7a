"""The audio formats that leave the platform, as data."""

from collections.abc import Mapping
from dataclasses import dataclass

from synthesis_worker.contract import SpeechError

MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)


class AudioError(SpeechError):
    """Sound that cannot be read, or cannot be written as asked."""

    code = "bad_audio"


@dataclass(frozen=True, slots=True)
class Format:
    """One container and codec. No `rates` means that any rate will do, no `codec` libsndfile."""

    name: str
    container: str
    codec: str = ""
    sample_format: str = ""
    bit_rate: int = 0
    rates: tuple[int, ...] = ()

    def nearest_rate(self, rate: int) -> int:
        """The lowest rate of this format that keeps all of a sound at `rate`, else its highest."""
        if not self.rates or rate in self.rates:
            return rate
        return min((one for one in self.rates if one > rate), default=max(self.rates))


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format("wav", "WAV"),
        Format("flac", "FLAC"),
        Format("mp3", "mp3", "libmp3lame", "fltp", 64_000, MP3_RATES),
        Format("opus", "ogg", "libopus", "flt", 32_000, OPUS_RATES),
    )
}


def format_named(name: str) -> Format:
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        raise AudioError(
            f"There is no format {name!r}; use one of {known}.", code="unknown_format"
        ) from None
