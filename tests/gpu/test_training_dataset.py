"""Data sets for trainings: clips of somebody's recordings, each with what is said in it."""

from __future__ import annotations

import csv
import json
import weakref
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from gpu_worker.training.dataset import DatasetError, Minimum, Recording, build, minimum_for
from synthesis_worker.audio import loudness
from synthesis_worker.contract import Unsupported, Waveform
from tests.gpu.read_aloud import RATE, TEXTS, read_aloud, sentence
from tests.sound_clips import SCALE, melody
from voices.samples.script import BREATH, recording_script
from voices.transcripts import Line, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gpu_worker.training.dataset import Report

ANY = Minimum(seconds=2.0, clips=1, most_seconds=600.0)
FEW = read_aloud(TEXTS[:4])


def recording(
    sound: Waveform = FEW.sound, lines: Sequence[Line] | None = FEW.lines, name: str = "take.wav"
) -> Recording:
    return Recording("0" * 64, name, lambda: sound, lines, sound.seconds)


def never_read(seconds: float | None, lines: Sequence[Line] | None = None) -> Recording:
    def read() -> Waveform:
        raise AssertionError("it was read")

    return Recording("0" * 64, "long.wav", read, lines, seconds)


def made(folder: Path, *recordings: Recording, **more: Any) -> Report:
    asked: dict[str, Any] = {"rate": 22_050, "language": "en-GB", "minimum": ANY} | more
    return build(recordings, folder, **asked)


def refused(folder: Path, *recordings: Recording, **more: Any) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        made(folder, *recordings, **more)
    assert not (folder / "report.json").exists()
    return caught.value


def texts_in(folder: Path) -> list[str]:
    """As Piper reads them."""
    with (folder / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="|"))
    assert [row[0] for row in rows] == [path.name for path in wavs(folder)]
    return [text for _, text in rows]


def wavs(folder: Path) -> list[Path]:
    return sorted((folder / "wavs").iterdir())


def read_wav(path: Path) -> Waveform:
    return Waveform(*soundfile.read(path, dtype="float32"))


def all_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_timed_line_is_a_clip_of_its_own(tmp_path: Path) -> None:
    report = made(tmp_path, recording())
    assert texts_in(tmp_path) == list(TEXTS[:4])
    assert not report.rejected
    sounds = [read_wav(path) for path in wavs(tmp_path)]
    for sound, line in zip(sounds, FEW.lines, strict=True):
        assert sound.seconds == pytest.approx((line.end or 0) - (line.start or 0) + 0.2, abs=0.1)
    assert report.clips == 4
    assert report.seconds == pytest.approx(sum(sound.seconds for sound in sounds), abs=0.01)


def test_clips_are_mono_16_bit_at_the_asked_rate_and_as_loud_as_each_other(tmp_path: Path) -> None:
    quiet = Waveform(FEW.sound.samples * np.float32(0.2), RATE)
    made(tmp_path, recording(), recording(quiet), rate=16_000)
    about = [soundfile.info(path) for path in wavs(tmp_path)]
    assert {(one.channels, one.subtype, one.samplerate) for one in about} == {(1, "PCM_16", 16_000)}
    assert [loudness(read_wav(path)) for path in wavs(tmp_path)] == pytest.approx([-20] * 8, abs=1)


def test_the_report_beside_the_clips_is_the_one_that_is_returned(tmp_path: Path) -> None:
    report = made(tmp_path, recording())
    kept = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert kept == json.loads(json.dumps(asdict(report)))


def test_the_same_recordings_give_the_same_bytes_whatever_a_killed_worker_left(
    tmp_path: Path,
) -> None:
    first = made(tmp_path / "one", recording())
    made(tmp_path / "two", recording(), recording())
    (tmp_path / "two" / "wavs" / "00009.wav").write_bytes(b"half")
    second = made(tmp_path / "two", recording())
    assert first == second
    assert all_bytes(tmp_path / "one") == all_bytes(tmp_path / "two")


def test_another_text_or_another_sound_is_another_data_set(tmp_path: Path) -> None:
    other_text = [replace(FEW.lines[0], text="The quick brown fox."), *FEW.lines[1:]]
    louder = Waveform(FEW.sound.samples[100:], RATE)
    digests = {
        made(tmp_path, one).digest
        for one in (recording(), recording(lines=other_text), recording(louder))
    }
    assert len(digests) == 3


def spoilt(change: Callable[[np.ndarray[Any, Any]], Any]) -> Waveform:
    """The second sentence, and only that, is changed."""
    samples, line = FEW.sound.samples.copy(), FEW.lines[1]
    place = slice(int((line.start or 0) * RATE), int((line.end or 0) * RATE))
    samples[place] = change(samples[place])
    return Waveform(samples, RATE)


def hiss(size: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(5).normal(0, 0.05, size)


BAD_SOUNDS = {
    "nothing": (lambda sound: 0 * sound, "transcript_mismatch"),
    "music": (lambda sound: melody(*SCALE)[: len(sound)], "transcript_mismatch"),
    "noise alone": (lambda sound: hiss(len(sound)), "transcript_mismatch"),
    "hiss": (lambda sound: sound + hiss(len(sound)), "clip_noisy"),
    "cut off": (lambda sound: np.clip(20 * sound, -1, 1), "clip_clipped"),
}


@pytest.mark.parametrize("kind", BAD_SOUNDS)
def test_one_bad_clip_is_left_out_and_reported(tmp_path: Path, kind: str) -> None:
    change, code = BAD_SOUNDS[kind]
    report = made(tmp_path, recording(spoilt(change)))
    assert texts_in(tmp_path) == [TEXTS[0], *TEXTS[2:4]]
    (bad,) = report.rejected
    assert (bad.code, bad.source) == (code, "take.wav")
    assert bad.start == pytest.approx(FEW.lines[1].start, abs=0.5)
    assert bad.message.endswith(".")


BAD_LINES: dict[str, tuple[dict[str, Any], str]] = {
    "too much text": ({"text": TEXTS[0] * 4}, "transcript_mismatch"),
    "too little text": ({"text": "A b."}, "transcript_mismatch"),
    "far too short": ({"start": 5.3, "end": 5.5}, "clip_too_short"),
    "after the end": ({"start": 900.0, "end": 903.0}, "transcript_times"),
    "partly after the end": ({"start": 11.0, "end": 30.0}, "transcript_times"),
}


@pytest.mark.parametrize("kind", BAD_LINES)
def test_one_bad_line_is_left_out_and_reported(tmp_path: Path, kind: str) -> None:
    change, code = BAD_LINES[kind]
    lines = [FEW.lines[0], replace(FEW.lines[1], **change), FEW.lines[2]]
    lines.sort(key=lambda line: line.start or 0.0)
    report = made(tmp_path, recording(lines=lines))
    assert texts_in(tmp_path) == [TEXTS[0], TEXTS[2]]
    assert [one.code for one in report.rejected] == [code]


def test_a_line_of_more_than_twelve_seconds_is_left_out(tmp_path: Path) -> None:
    reading = read_aloud(TEXTS[:7])
    whole = Line(reading.lines[0].start, reading.lines[5].end, " ".join(TEXTS[:6]))
    report = made(tmp_path, recording(reading.sound, [whole, reading.lines[6]]))
    assert [one.code for one in report.rejected] == ["clip_too_long"]
    assert report.clips == 1


def test_an_engine_that_takes_no_clip_as_long_as_others_gets_none_and_it_is_told(
    tmp_path: Path,
) -> None:
    made(tmp_path, recording())
    lengths = [read_wav(path).seconds for path in wavs(tmp_path)]
    most = (min(lengths) + max(lengths)) / 2
    report = made(tmp_path, recording(), minimum=replace(ANY, most_clip_seconds=most))
    kept = [seconds for seconds in lengths if seconds <= most]
    assert [read_wav(path).seconds for path in wavs(tmp_path)] == pytest.approx(kept, abs=0.01)
    codes = [one.code for one in report.rejected]
    assert codes == ["clip_too_long"] * (len(lengths) - len(kept))
    assert f"{most:g} s is most" in report.rejected[0].message
    assert (
        minimum_for("xtts_v2").longest_clip < 255_995 / 22_050 < minimum_for("piper").longest_clip
    )


def test_where_each_clip_is_from_is_written_beside_it(tmp_path: Path) -> None:
    made(tmp_path, recording(name="one.wav"), recording(name="two.wav"))
    sources = json.loads((tmp_path / "sources.json").read_bytes())
    assert list(sources) == [path.name for path in wavs(tmp_path)]
    assert [source for source, *_ in sources.values()] == ["one.wav"] * 4 + ["two.wav"] * 4
    for (_, start, end), line in zip(sources.values(), [*FEW.lines] * 2, strict=True):
        assert (start, end) == pytest.approx((line.start, line.end), abs=0.5)
    lasting = [end - start for _, start, end in sources.values()]
    assert lasting == pytest.approx([read_wav(path).seconds for path in wavs(tmp_path)], abs=0.01)


def test_a_recording_that_is_no_sound_is_left_out(tmp_path: Path) -> None:
    empty = Waveform(np.zeros(0, np.float32), RATE)
    broken = Waveform(np.full(RATE, np.nan, np.float32), RATE)
    report = made(tmp_path, recording(empty), recording(broken), recording())
    assert [one.code for one in report.rejected] == ["recording_damaged"] * 2
    assert report.clips == 4


def test_where_all_is_bad_it_is_refused_with_what_was_wrong(tmp_path: Path) -> None:
    noise = Waveform(hiss(20 * RATE).astype(np.float32), RATE)
    error = refused(tmp_path, recording(noise))
    assert (error.code, error.permanent) == ("dataset_all_bad", True)
    assert [one.code for one in error.rejected] == ["transcript_mismatch"] * 4
    assert "take.wav" not in error.message  # it goes to receivers, whom no erasure reaches


def test_too_little_is_refused_with_how_much_is_missing(tmp_path: Path) -> None:
    made(tmp_path, recording())
    error = refused(tmp_path, recording(), minimum=Minimum(60.0, 10, 600.0))
    assert error.code == "dataset_too_small"
    assert "6 sentences more" in error.message
    assert "at least 49 s" in error.message or "at least 50 s" in error.message
    assert refused(tmp_path).code == "dataset_too_small"


def test_nine_hours_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    timed = [Line(0.0, 1.0, "Hello.")]
    error = refused(tmp_path, *[never_read(3600.0, timed)] * 9)
    assert error.code == "dataset_too_large"
    assert "540 minutes" in error.message
    endless = replace(ANY, most_seconds=1e9)
    assert refused(tmp_path, never_read(7201.0, timed), minimum=endless).code == "dataset_too_large"


def test_a_length_that_was_not_known_counts_once_it_is(tmp_path: Path) -> None:
    unknown = replace(recording(), seconds=None)
    tight = replace(ANY, most_seconds=FEW.sound.seconds + 1)
    error = refused(tmp_path, unknown, unknown, minimum=tight)
    assert error.code == "dataset_too_large"


def test_a_plain_text_goes_with_a_recording_of_one_breath(tmp_path: Path) -> None:
    text = "Please leave the parcel with my neighbour at number nine."
    report = made(tmp_path, recording(sentence(text), parse(text, "take.txt")))
    assert texts_in(tmp_path) == [text]
    assert report.clips == 1


@pytest.mark.parametrize("lines", [None, [], [Line(None, None, "All of it.")]])
def test_a_long_recording_without_times_needs_a_recogniser(
    tmp_path: Path, lines: list[Line] | None
) -> None:
    error = refused(tmp_path, recording(), never_read(13.0, lines))
    assert (error.code, error.permanent) == ("recogniser_missing", True)
    assert [one.source for one in error.rejected] == ["long.wav"]
    assert "long.wav" not in error.message
    assert "transcript with times" in error.message


def test_a_short_recording_without_any_text_needs_a_recogniser_too(tmp_path: Path) -> None:
    assert refused(tmp_path, never_read(5.0)).code == "recogniser_missing"
    assert refused(tmp_path, replace(recording(lines=[]), seconds=None)).code == (
        "recogniser_missing"
    )


def test_a_table_of_all_recordings_gives_each_its_own_lines(tmp_path: Path) -> None:
    reading = read_aloud(TEXTS[4:6])
    rows = [f"take.wav|{one.start}|{one.end}|{one.text}" for one in FEW.lines]
    rows += [f"b|{one.start}|{one.end}|{one.text}" for one in reading.lines]
    lines = parse("\n".join([*rows, "lost.wav|1|2|Nobody."]), "all.csv")
    report = made(tmp_path, recording(lines=lines), recording(reading.sound, lines, "b.wav"))
    assert texts_in(tmp_path) == list(TEXTS[:6])
    (lost,) = report.rejected
    assert (lost.source, lost.code) == ("lost.wav", "transcript_file_unknown")


def test_whatever_a_text_holds_a_reader_of_the_folder_reads_it_back(tmp_path: Path) -> None:
    said = ['"No|way", said\nthe fox.', 'A|b\r\nand "c" jumps.', '"Yes, all of it is so."']
    lines = [replace(line, text=text) for line, text in zip(FEW.lines, said, strict=False)]
    made(tmp_path, recording(lines=lines))
    assert texts_in(tmp_path) == [
        "No way , said the fox.",
        "A b and c jumps.",
        "Yes, all of it is so.",
    ]


def test_two_people_are_not_made_one_voice(tmp_path: Path) -> None:
    other = read_aloud(TEXTS[:4], "en-us+f3")
    one = read_aloud(TEXTS[4:8])
    error = refused(tmp_path, recording(one.sound, one.lines), recording(other.sound, other.lines))
    assert error.code == "several_speakers"
    assert made(tmp_path, recording(other.sound, other.lines)).clips == 4


def test_sounds_are_counted_and_those_that_are_missing_named(tmp_path: Path) -> None:
    report = made(tmp_path, recording())
    assert report.phonemes["ð"] >= 2
    assert report.phonemes["aʊ"] == 1  # of "brown"; not its parts
    assert report.coverage is not None
    assert 0.5 < report.coverage < 1
    assert "ɔɪ" in report.missing
    assert not set(report.missing) & set(report.phonemes)


def test_of_other_languages_sounds_are_counted_alone(tmp_path: Path) -> None:
    german = made(tmp_path, recording(), language="de-AT")
    assert german.phonemes["ʃ"]
    assert german.coverage is None
    unknown = made(tmp_path, recording(), language="tlh")
    assert (dict(unknown.phonemes), unknown.coverage) == ({}, None)


def test_a_worker_without_espeak_counts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpu_worker.training.dataset.phonemes.find_spec", lambda _: None)
    report = made(tmp_path, recording())
    assert (dict(report.phonemes), report.coverage, report.clips) == ({}, None, 4)


def test_one_recording_is_held_at_a_time(tmp_path: Path) -> None:
    alive: list[weakref.ref[Any]] = []

    def read() -> Waveform:
        assert not any(one() is not None for one in alive)
        samples = FEW.sound.samples.copy()
        alive.append(weakref.ref(samples))
        return Waveform(samples, RATE)

    made(tmp_path, *[replace(recording(), read=read)] * 3)
    assert len(alive) == 3


def test_what_is_asked_for_progress_may_end_the_work(tmp_path: Path) -> None:
    class Cancelled(Exception):
        pass

    def stop(share: float) -> None:
        if share > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        made(tmp_path, recording(), never_read(None), progress=stop)
    assert len(wavs(tmp_path)) in range(1, 4)
    assert not (tmp_path / "report.json").exists()


def test_progress_rises_to_its_end_clip_by_clip(tmp_path: Path) -> None:
    told: list[float] = []
    made(tmp_path, recording(), recording(), progress=told.append)
    assert told == sorted(told)
    assert len(set(told)) >= 8
    assert 0 <= told[0] < told[-1] <= 1


@pytest.mark.parametrize("engine", ["piper", "xtts_v2"])
def test_the_long_script_is_enough_for_each_engine(engine: str) -> None:
    script, minimum = recording_script("en", "long"), minimum_for(engine)
    assert minimum.clips <= len(script.lines)
    assert minimum.seconds <= sum(line.seconds - BREATH for line in script.lines)


def test_an_engine_that_has_no_training_is_refused() -> None:
    with pytest.raises(Unsupported) as caught:
        minimum_for("styletts2")
    assert caught.value.code == "training_unsupported"
