"""What the probe says of sounds it can read: speech or not, one voice or two, and how well made."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthesis_worker.audio import resample
from synthesis_worker.contract import Waveform
from synthesis_worker.probing import Measures, Probed, probe
from synthesis_worker.probing.frames import Frames, frames_of
from synthesis_worker.probing.listening import listen
from tests.sound_clips import (
    CHECKED,
    TUNED,
    as_sound,
    by_turns,
    chord,
    hum,
    one_after_the_other,
    pink,
    tone,
    voice,
    white,
)
from tests.sound_files import pcm_file, speech

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.sound_clips import Half, Samples

ONE, TWO, NONE = "one voice", "two voices", "no voice"
TOGETHER = 2
SEVERAL = {"several_speakers", "maybe_several_speakers"}
NO_SPEECH = {"not_speech", "maybe_not_speech"}


def probe_sound(sound: Waveform, folder: Path) -> Probed:
    folder.mkdir()
    upload = folder / "upload"
    upload.write_bytes(pcm_file(sound, subtype="FLOAT"))
    (folder / "out").mkdir()
    return probe(upload, folder / "out")


def judge(samples: Samples, folder: Path) -> tuple[set[str], Measures]:
    probed = probe_sound(as_sound(samples), folder)
    assert probed.measures
    return {one.code for one in probed.reasons}, probed.measures


def labelled(half: Half) -> Iterator[tuple[str, str, Samples]]:
    voices, pairs, others = half
    yield from ((ONE, model, voice(model)) for model in voices)
    for one, other in pairs:
        yield TWO, f"{one}, then {other}", one_after_the_other(one, other)
        yield TWO, f"{one} and {other} by turns", by_turns(one, other)
    yield from ((NONE, name, make()) for name, make in others.items())


def heard_as(codes: set[str]) -> str:
    if codes & NO_SPEECH:
        return NONE
    return TWO if codes & SEVERAL else ONE


@pytest.mark.slow
@pytest.mark.parametrize("half", [TUNED, CHECKED], ids=["tuned", "checked"])
def test_one_voice_two_voices_and_no_voice_are_told_apart(half: Half, tmp_path: Path) -> None:
    clips = list(labelled(half))
    with ThreadPoolExecutor(TOGETHER) as threads:
        judged = threads.map(
            lambda number: judge(clips[number][2], tmp_path / str(number)), range(len(clips))
        )
        heard = [heard_as(codes) for codes, _ in judged]
    print(Counter((label, found) for (label, _, _), found in zip(clips, heard, strict=True)))
    wrong = [clip[:2] for clip, found in zip(clips, heard, strict=True) if clip[0] != found]
    assert wrong == []
    assert len(clips) > 30


def test_one_voice_is_accepted_and_two_are_flagged(tmp_path: Path) -> None:
    codes, measures = judge(voice("en-us+f2"), tmp_path / "one")
    assert codes == set()
    assert measures.speech_share > 0.7
    codes, measures = judge(by_turns("en-us", "en-us+f2"), tmp_path / "two")
    assert codes & SEVERAL
    assert measures.one_speaker < 0.5 < measures.is_speech


def test_an_hour_of_speech_is_judged_in_little_memory() -> None:
    minute = frames_of([np.resize(voice("en-us"), 60 * 24_000).astype(np.float32)])
    hour = Frames(*(np.concatenate([getattr(minute, it.name)] * 60) for it in fields(Frames)))
    tracemalloc.start()
    try:
        heard = listen(hour)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (heard.is_speech, heard.one_speaker) == (1, 1)
    assert peak < 80 * 2**20


def test_a_lively_reader_is_one_speaker(tmp_path: Path) -> None:
    """Some sentences higher and some lower than others, by up to half an octave."""
    steps = (0, 3, -2, 2, -3, 0)
    parts = [
        speech("en-us", pitch=step).samples[start * 72_000 :][:72_000]
        for start, step in enumerate(steps)
    ]
    codes, _ = judge(np.concatenate(parts), tmp_path / "lively")
    assert not codes & SEVERAL


@pytest.mark.parametrize(
    "make",
    [lambda: tone(330), lambda: chord(261.6, 329.6, 392.0), white, pink, lambda: hum(50)],
    ids=["tone", "chord", "white noise", "pink noise", "hum"],
)
def test_tones_chords_and_noise_are_rejected_as_no_speech(
    make: Mapping[str, Samples], tmp_path: Path
) -> None:
    codes, measures = judge(make(), tmp_path / "it")  # type: ignore[operator]
    assert codes == {"not_speech"}
    assert measures.is_speech < 0.1


def with_noise(samples: Samples, decibels: float) -> Samples:
    """White noise so far below the speech, pauses left aside."""
    spoken = np.mean(samples[np.abs(samples) > 0.01] ** 2)
    noise = np.random.default_rng(9).normal(size=len(samples))
    mixed = samples + noise * np.sqrt(spoken / 10 ** (decibels / 10))
    return np.asarray(mixed / max(1, np.abs(mixed).max()))


@pytest.mark.parametrize(("decibels", "reasons"), [(20, set()), (10, {"noisy"}), (5, {"noisy"})])
def test_noise_is_measured_and_speech_under_it_is_speech(
    decibels: float, reasons: set[str], tmp_path: Path
) -> None:
    for model in ("en-us", "en-us+f2"):
        codes, measures = judge(with_noise(voice(model), decibels), tmp_path / model)
        assert codes == reasons
        assert measures.snr_db == pytest.approx(decibels, abs=2)


def test_clipped_speech_is_told_to_stand_further_away(tmp_path: Path) -> None:
    for gain in (3, 10):
        codes, measures = judge(voice("en-us") * gain, tmp_path / str(gain))
        assert codes == {"clipped"}
        assert measures.clipped_share > 0.005
    tip = probe_sound(as_sound(voice("en-us") * 4), tmp_path / "tip").reasons[0].tip
    assert "further from the microphone" in tip


def test_speech_at_full_scale_that_is_not_cut_off_is_not_called_clipped(tmp_path: Path) -> None:
    samples = voice("en-us")
    codes, measures = judge(samples / np.abs(samples).max(), tmp_path / "it")
    assert codes == set()
    assert measures.peak_dbfs == pytest.approx(0, abs=0.01)
    samples = samples.copy()
    samples[::150] = 0.99
    assert "clipped" not in judge(samples, tmp_path / "lone peaks")[0]


def test_speech_without_high_tones_is_called_dull(tmp_path: Path) -> None:
    narrow = resample(resample(as_sound(voice("en-us")), 8_000), 48_000)
    probed = probe_sound(narrow, tmp_path / "it")
    assert [one.code for one in probed.reasons] == ["narrow_band"]
    assert probed.measures
    assert 3500 < probed.measures.bandwidth_hz < 4600


def test_very_quiet_speech_is_still_speech_and_told_to_come_nearer(tmp_path: Path) -> None:
    codes, measures = judge(voice("en-us") * 0.01, tmp_path / "it")
    assert codes == {"too_quiet"}
    assert measures.is_speech > 0.9
    assert measures.loudness_lufs == pytest.approx(-60, abs=3)


def test_long_pauses_are_counted(tmp_path: Path) -> None:
    sound = voice("en-us")
    spoken = [sound[:96_000], sound[96_000:192_000]]
    codes, measures = judge(
        np.concatenate([part for one in spoken for part in (one, np.zeros(240_000))]),
        tmp_path / "it",
    )
    assert codes == {"much_silence"}
    assert measures.silence_share == pytest.approx(0.75, abs=0.05)
    assert measures.seconds == pytest.approx(28, abs=0.1)


def test_bandwidth_is_that_of_the_sound_and_not_of_the_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(size=96_000 * 2).astype(np.float32) * 0.1
    for rate, band in ((16_000, 8_000), (96_000, 24_000)):
        probed = probe_sound(resample(Waveform(noise, 96_000), rate), tmp_path / str(rate))
        assert probed.measures
        assert probed.measures.bandwidth_hz == pytest.approx(band, rel=0.03)
