"""Long recordings without times: cut where nobody speaks, with words that a recogniser heard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gpu_worker.training.dataset.aligning import pair
from gpu_worker.training.dataset.building import build
from gpu_worker.training.dataset.cutting import cuts_of, spans_of
from gpu_worker.training.dataset.hearing import Speech, hear
from gpu_worker.training.dataset.limits import Minimum
from gpu_worker.training.dataset.parts import DatasetError, Recording
from gpu_worker.training.dataset.recogniser import Word
from synthesis_worker.contract import Waveform
from tests.gpu.read_aloud import RATE, TEXTS, read_aloud
from tests.gpu.test_training_dataset import texts_in, wavs
from voices.transcripts import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gpu_worker.training.dataset import Report
    from tests.gpu.read_aloud import Reading

ANY = Minimum(seconds=2.0, clips=1, most_seconds=600.0)
ALL = read_aloud()


@dataclass
class Stenographer:
    """Writes down a reading that it knows; mishears what it is told to, in lower case."""

    reading: Reading
    mishears: Mapping[str, str]

    def words(self, waveform: Waveform, language: str) -> list[Word]:
        assert (len(waveform.samples), language) == (len(self.reading.sound.samples), "en-GB")
        return [word for line in self.reading.lines for word in self._line(line)]

    def rest(self) -> None:
        """It has nothing to let go of."""

    def _line(self, line: Line) -> list[Word]:
        said = line.text.lower().replace(".", "").replace(",", "").split()
        start, step = line.start or 0.0, ((line.end or 0.0) - (line.start or 0.0)) / len(said)
        heard = [self.mishears.get(word, word) for word in said]
        return [
            Word(f" {word}", start + step * place, start + step * (place + 1))
            for place, word in enumerate(heard)
        ]


def made(
    folder: Path, text: str | None, mishears: Mapping[str, str] | None = None, **more: Any
) -> Report:
    lines = [Line(None, None, text)] if text else None
    recording = Recording("0" * 64, "long.wav", lambda: ALL.sound, lines, ALL.sound.seconds)
    asked: dict[str, Any] = {"rate": 22_050, "language": "en-GB", "minimum": ANY} | more
    asked.setdefault("recogniser", Stenographer(ALL, mishears or {}))
    return build([recording], folder, **asked)


def seconds_of(folder: Path) -> list[float]:
    from soundfile import info

    return [info(path).duration for path in wavs(folder)]


def test_what_was_recognised_is_the_text_where_none_is_given(tmp_path: Path) -> None:
    report = made(tmp_path, None)
    whole = " ".join(TEXTS).lower().replace(".", "").replace(",", "")
    assert " ".join(texts_in(tmp_path)) == whole
    assert all(3 <= seconds <= 12 for seconds in seconds_of(tmp_path))
    assert report.clips >= 3
    assert not report.rejected


def test_a_given_text_keeps_its_own_spelling(tmp_path: Path) -> None:
    made(tmp_path, " ".join(TEXTS), {"neighbour": "neighbor", "choir": "quire", "half": "harf"})
    assert " ".join(texts_in(tmp_path)) == " ".join(TEXTS)


def test_what_was_written_and_not_said_is_in_no_clip(tmp_path: Path) -> None:
    text = " ".join(["Chapter one of this book.", *TEXTS[:6], *TEXTS[6:], "The end of it all."])
    made(tmp_path, text)
    assert " ".join(texts_in(tmp_path)) == " ".join(TEXTS)


def test_where_the_given_text_says_something_else_the_clip_is_left_out(tmp_path: Path) -> None:
    other = "Lots of other words stand here about ships and sealing wax and many cabbages."
    report = made(tmp_path, " ".join([*TEXTS[:4], other, *TEXTS[6:]]))
    assert {one.code for one in report.rejected} == {"transcript_mismatch"}
    kept = " ".join(texts_in(tmp_path))
    assert TEXTS[0] in kept
    assert TEXTS[11] in kept
    assert "sealing wax" not in kept
    assert 1 <= len(report.rejected) <= 2


def test_a_text_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        made(tmp_path, "Friends, Romans, countrymen, lend me your ears! " * 10)
    assert caught.value.code == "dataset_all_bad"
    assert {one.code for one in caught.value.rejected} == {"transcript_mismatch"}


def test_a_text_that_nobody_says_so_fast_is_refused_before_anybody_listens(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        made(tmp_path, "the " * 20_000, recogniser=Deaf())
    [left_out] = caught.value.rejected
    assert left_out.code == "transcript_mismatch"
    assert "characters a second" in left_out.message


class Deaf:
    def words(self, waveform: Waveform, language: str) -> list[Word]:
        raise AssertionError("nobody had to listen")


def test_listening_ends_where_the_training_is_stopped(tmp_path: Path) -> None:
    heard: list[Word] = []

    class Endless:
        def words(self, waveform: Waveform, language: str) -> Iterator[Word]:
            while True:
                heard.append(Word(" on", 0.0, 1.0))
                yield heard[-1]

    def stop(_: float) -> None:
        if len(heard) > 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        made(tmp_path, None, recogniser=Endless(), progress=stop)
    assert len(heard) == 3


def test_the_same_recording_gives_the_same_digest(tmp_path: Path) -> None:
    assert made(tmp_path / "one", None).digest == made(tmp_path / "two", None).digest


def test_speech_without_a_pause_is_not_cut(tmp_path: Path) -> None:
    breathless = read_aloud(TEXTS, pause=0.0)
    asked: dict[str, Any] = {"rate": 22_050, "language": "en-GB", "minimum": ANY}
    spans = spans_of(hear(breathless.sound), 12.0)
    assert any(end - start > 12 for start, end in spans)
    recording = Recording("0" * 64, "long.wav", lambda: breathless.sound)
    report = build([recording], tmp_path, recogniser=Stenographer(breathless, {}), **asked)
    assert {one.code for one in report.rejected} == {"clip_too_long"}
    assert max(seconds_of(tmp_path)) <= 12


def test_phrases_are_joined_to_clips_as_short_as_the_engine_needs() -> None:
    speech = hear(read_aloud(TEXTS, pause=0.2).sound)

    def longest(most: float) -> float:
        return max(end - start for start, end in spans_of(speech, most))

    assert longest(8.0) <= 8.0 < longest(12.0) <= 12.0


def test_every_cut_lies_where_nobody_speaks() -> None:
    for start, end in spans_of(hear(ALL.sound), 12.0):
        for moment in (start, end):
            place = slice(max(0, int((moment - 0.01) * RATE)), int((moment + 0.01) * RATE))
            assert np.abs(ALL.sound.samples[place]).max() < 0.05


def test_silence_alone_has_no_clips() -> None:
    assert spans_of(hear(Waveform(np.zeros(20 * RATE, np.float32), RATE)), 12.0) == []


@pytest.mark.parametrize("pause", [0.0, 0.1, 0.6])
def test_a_line_set_too_tight_is_widened_to_the_pause_and_never_into_its_neighbour(
    tmp_path: Path, pause: float
) -> None:
    reading = read_aloud(TEXTS[:3], pause=pause)
    tight = [
        replace(line, start=(line.start or 0.0) + 0.12, end=(line.end or 0.0) - 0.12)
        for line in reading.lines
    ]
    recording = Recording("0" * 64, "take.wav", lambda: reading.sound, tight)
    build([recording], tmp_path, rate=24_000, language="en", minimum=ANY)
    wanted = [(line.end or 0.0) - (line.start or 0.0) for line in reading.lines]
    for seconds, own in zip(seconds_of(tmp_path), wanted, strict=True):
        assert own - 0.25 < seconds < own + 0.35
        assert pause < 0.6 or seconds > own - 0.01


@pytest.mark.parametrize("ends_and_begins", [(3.05, 3.1), (3.42, 3.45)])
def test_a_pause_that_lies_in_the_neighbours_time_is_the_neighbours(
    ends_and_begins: tuple[float, float],
) -> None:
    speech = Speech(np.array([True] * 100 + [False] * 6 + [True] * 100))  # a pause at 3.2 s
    end, start = ends_and_begins
    lines = [Line(1.0, end, "One."), Line(start, 5.0, "Two.")]
    one, two = cuts_of(ALL.sound, speech, lines, None, longest=12.0)
    assert (one.end, two.start) == (end, start)


def words(*texts: str) -> list[Word]:
    return [Word(text, place, place + 1.0) for place, text in enumerate(texts)]


def paired(spans: Sequence[tuple[float, float]], heard: list[Word], given: str) -> list[str]:
    return [cut.text for cut in pair(spans, heard, given)]


def test_words_between_two_clips_are_in_neither() -> None:
    heard = words(" one", " two", " uh", " three", " four")
    assert paired([(0, 2), (3, 5)], heard, "One, two. Uh. Three, four!") == [
        "One, two.",
        "Three, four!",
    ]


def test_languages_without_spaces_are_told_apart_sign_by_sign() -> None:
    heard = words("今天", "天气", "很", "好")
    assert paired([(0, 2), (2, 4)], heard, "今天天氣，很好。") == ["今天天氣，", "很好。"]  # noqa: RUF001


def test_a_clip_in_which_nothing_was_recognised_matches_nothing() -> None:
    nothing, all_of_it = pair([(5, 8), (0, 2)], words(" one", " two"), "One two.")
    assert (nothing.text, nothing.match) == ("", 0.0)
    assert (all_of_it.text, all_of_it.match) == ("One two.", 1.0)
