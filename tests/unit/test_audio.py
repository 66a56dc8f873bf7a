"""Sound: formats, levels, joining, and the same bytes for the same sound."""

import math

import numpy as np
import pytest

from synthesis_worker.audio import (
    FORMATS,
    AudioError,
    decode,
    encode,
    format_named,
    join,
    loudness,
    normalise,
    resample,
    stretch,
)
from synthesis_worker.contract import Waveform

LOSSLESS = ["wav", "flac"]
PEAK = 10 ** (-1 / 20)


def sine(
    seconds: float = 2.0, rate: int = 22050, hertz: float = 997.0, dbfs: float = -20
) -> Waveform:
    times = np.arange(round(seconds * rate)) / rate
    samples = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * times)
    return Waveform(samples.astype(np.float32), rate)


def silence(seconds: float, rate: int = 22050) -> Waveform:
    return Waveform(np.zeros(round(seconds * rate), np.float32), rate)


def bursts(seconds: float = 4.0) -> Waveform:
    """Short loud clicks over a soft tone: far more peak than loudness, as in speech."""
    soft = sine(seconds, dbfs=-40)
    samples = soft.samples.copy()
    samples[::4000] = 0.9
    return Waveform(samples, soft.sample_rate)


@pytest.mark.parametrize(
    ("name", "start"), [("wav", b"RIFF"), ("flac", b"fLaC"), ("mp3", b"\xff"), ("opus", b"OggS")]
)
def test_a_file_begins_as_its_format_does(name: str, start: bytes) -> None:
    data = encode(sine(), name)
    assert data.startswith((start, b"ID3") if name == "mp3" else start)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_sound_is_the_same_file(name: str) -> None:
    assert encode(sine(), name) == encode(sine(), name)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rate", [16000, 22050, 24000, 48000])
def test_a_round_trip_keeps_duration_and_level(name: str, rate: int) -> None:
    sound = sine(2.3, rate)
    back = decode(encode(sound, name))
    assert back.seconds == pytest.approx(2.3, abs=0.03)
    assert loudness(back) == pytest.approx(loudness(sound), abs=0.6)


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_lose_no_more_than_a_step(name: str) -> None:
    sound = sine()
    back = decode(encode(sound, name))
    assert back.sample_rate == sound.sample_rate
    assert np.abs(back.samples - sound.samples).max() <= 1.1 / 32768


def test_samples_past_full_scale_do_not_wrap_around() -> None:
    loud = sine(dbfs=6)
    back = decode(encode(loud, "wav")).samples
    assert (back * loud.samples >= 0).all()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("asked", [8000, 16000, 24000, 48000])
def test_another_rate_is_given_where_asked(name: str, asked: int) -> None:
    back = decode(encode(sine(), name, asked))
    assert back.seconds == pytest.approx(2.0, abs=0.03)
    assert back.sample_rate == (48000 if name == "opus" else asked)  # opus always decodes at 48


@pytest.mark.parametrize(
    ("name", "asked"), [("opus", 22050), ("mp3", 9000), ("wav", 7999), ("flac", 48001), ("wav", 0)]
)
def test_a_rate_that_a_format_does_not_have_is_refused(name: str, asked: int) -> None:
    with pytest.raises(AudioError) as refused:
        encode(sine(), name, asked)
    assert refused.value.code == "unsupported_sample_rate"


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AudioError, match="wav, flac, mp3, opus") as refused:
        format_named("m4a")
    assert refused.value.code == "unknown_format"


@pytest.mark.parametrize("name", FORMATS)
def test_no_sound_is_no_file(name: str) -> None:
    with pytest.raises(AudioError) as refused:
        encode(silence(0), name)
    assert refused.value.code == "empty_audio"


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numbers_that_are_no_samples_are_refused(wrong: float) -> None:
    with pytest.raises(AudioError, match="no samples"):
        encode(Waveform(np.array([0.0, wrong], np.float32), 16000), "wav")


@pytest.mark.parametrize(
    "data", [b"", b"no sound", b"RIFF\0\0\0\0WAVE", b"\xff" * 4096, b"OggS" * 9]
)
def test_what_is_no_sound_file_is_refused(data: bytes) -> None:
    with pytest.raises(AudioError) as refused:
        decode(data)
    assert refused.value.code == "bad_audio"


@pytest.mark.parametrize("rate", [16000, 22050, 24000, 44100, 48000])
def test_loudness_agrees_with_the_reference_sine(rate: int) -> None:
    # ITU-R BS.1770: a 997 Hz sine at 0 dBFS on one channel reads -3.01 LUFS.
    assert loudness(sine(5, rate, dbfs=-20)) == pytest.approx(-23.01, abs=0.1)


def test_loudness_ignores_pauses() -> None:
    spoken = join([sine(3), silence(6), sine(3)])
    assert loudness(spoken) == pytest.approx(loudness(sine(3)), abs=0.3)


def test_a_sound_shorter_than_a_block_has_a_loudness() -> None:
    assert loudness(sine(0.1)) == pytest.approx(loudness(sine(3)), abs=0.3)


@pytest.mark.parametrize("sound", [silence(0), silence(0.1), silence(2), sine(2, dbfs=-90)])
def test_silence_has_no_loudness_and_stays_as_it_is(sound: Waveform) -> None:
    assert loudness(sound) == -math.inf
    assert normalise(sound) is sound


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.5, 5])
@pytest.mark.parametrize("target", [-23.0, -16.0])
def test_a_sound_is_brought_to_the_target(seconds: float, target: float) -> None:
    levelled = normalise(sine(seconds, dbfs=-33), target)
    assert loudness(levelled) == pytest.approx(target, abs=0.2)
    assert len(levelled.samples) == len(sine(seconds).samples)


def test_high_peaks_are_limited_and_never_clipped() -> None:
    sound = bursts()
    levelled = normalise(sound, -16.0)
    assert np.abs(levelled.samples).max() <= PEAK + 1e-6
    assert loudness(levelled) > loudness(sound)


def test_limiting_moves_nothing_in_time() -> None:
    sound = bursts()
    levelled = normalise(sound, -16.0)
    assert len(levelled.samples) == len(sound.samples)
    assert np.argmax(levelled.samples[2000:6000]) == np.argmax(sound.samples[2000:6000])


def test_levelling_twice_changes_little_and_once_changes_no_input() -> None:
    sound = sine(3, dbfs=-30)
    before = sound.samples.copy()
    once = normalise(sound)
    assert np.array_equal(sound.samples, before)
    assert np.allclose(normalise(once).samples, once.samples, atol=0.01)


def test_chunks_join_in_order_and_one_is_not_copied() -> None:
    one, two = sine(0.5), silence(0.25)
    joined = join(iter([one, two]))
    assert len(joined.samples) == len(one.samples) + len(two.samples)
    assert np.array_equal(joined.samples[: len(one.samples)], one.samples)
    assert join([one]) is one


@pytest.mark.parametrize("chunks", [[], [silence(1, 16000), silence(1, 22050)]])
def test_chunks_without_one_common_rate_do_not_join(chunks: list[Waveform]) -> None:
    with pytest.raises(AudioError, match="one sample rate"):
        join(chunks)


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
def test_resampling_keeps_pitch_and_duration(rate: int) -> None:
    changed = resample(sine(2.0, hertz=440), rate)
    spectrum = np.abs(np.fft.rfft(changed.samples))
    assert changed.seconds == pytest.approx(2.0, abs=0.001)
    assert np.argmax(spectrum) / changed.seconds == pytest.approx(440, abs=1)


@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.5, 2.0])
def test_stretching_changes_the_duration_and_not_the_pitch(tempo: float) -> None:
    changed = stretch(sine(2.0, hertz=440), tempo)
    spectrum = np.abs(np.fft.rfft(changed.samples))
    assert changed.seconds == pytest.approx(2.0 / tempo, rel=0.05)
    assert np.argmax(spectrum) / changed.seconds == pytest.approx(440, rel=0.02)
