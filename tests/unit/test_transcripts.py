"""Transcripts as people have them: subtitles of both kinds, tables and plain text."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voices.errors import VoiceError
from voices.transcripts import (
    FORMATS,
    MOST_CHARACTERS,
    MOST_LINES,
    ONE_CLIP,
    Line,
    TranscriptError,
    parse,
)

SRT = """1
00:00:01,000 --> 00:00:03,500
Good morning.

2
00:00:04,000 --> 00:01:02,250
It is raining
in the hills.
"""
TOLD = [Line(1.0, 3.5, "Good morning."), Line(4.0, 62.25, "It is raining in the hills.")]
VTT = """WEBVTT - made by hand
Kind: captions

NOTE This is not said,
nor is this.

STYLE
::cue { color: red }

greeting
00:01.000 --> 00:03.500 align:start position:10%
Good morning.

00:00:04.000 --> 00:01:02.250
It is raining
in the hills.
"""
CSV = """file|start|end|text
a.wav|1|3.5|Good morning.
a.wav|00:00:04.000|00:01:02.250|It is raining in the hills.
"""
CODES = {
    "transcript_unreadable",
    "transcript_times",
    "transcript_empty",
    "transcript_too_long",
}


def refusal(text: str, name: str) -> TranscriptError:
    with pytest.raises(TranscriptError) as caught:
        parse(text, name)
    assert caught.value.code in CODES
    return caught.value


def cue(times: str, text: str = "Hello.") -> str:
    return f"1\n{times}\n{text}\n"


@pytest.mark.parametrize(("name", "text"), [("a.srt", SRT), ("a.vtt", VTT)])
def test_subtitles_are_lines_with_times(name: str, text: str) -> None:
    assert parse(text, name) == TOLD


def test_a_table_says_of_which_recording_each_line_is() -> None:
    assert parse(CSV, "all.csv") == [Line(one.start, one.end, one.text, "a.wav") for one in TOLD]


def test_a_plain_text_is_one_line_without_times() -> None:
    assert parse("Good\n\n  morning.\n", "a.txt") == [Line(None, None, "Good morning.")]


@pytest.mark.parametrize("change", ["\ufeff{}", "{}\n\n\n", "\n\n{}"])
@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
def test_marks_line_ends_and_empty_lines_change_nothing(change: str, ends: str) -> None:
    assert parse(change.format(SRT).replace("\n", ends), "a.srt") == TOLD
    assert parse(CSV.replace("\n", ends), "a.csv") == parse(CSV, "a.csv")
    assert parse("\ufeff" + VTT.replace("\n", ends), "a.vtt") == TOLD


@pytest.mark.parametrize("name", ["srt", ".srt", "SRT", "my.talk.SrT", "sub/folder/a.srt"])
def test_the_format_is_the_names_ending_or_its_own_name(name: str) -> None:
    assert parse(SRT, name) == TOLD


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("<i>Good</i> <b>morning</b>", "Good morning"),
        ('<font color="#ff0000">Good</font>', "Good"),
        (r"{\an8}Up here", "Up here"),
        ("<v Roger Bingham>We are <00:00:02.000>in <c.loud>New York</c></v>", "We are in New York"),
        ("Salt &amp; pepper&nbsp;here", "Salt & pepper here"),
        ("2 < 3 and 5 > 4", "2 < 3 and 5 > 4"),
        ("cafe\u0301", "caf\u00e9"),
        ("a\x07b\tc", "a b c"),
    ],
)
def test_what_is_there_for_the_eye_is_not_said(written: str, said: str) -> None:
    assert parse(cue("00:00:01,000 --> 00:00:02,000", written), "srt")[0].text == said


def test_a_cue_without_words_is_left_out() -> None:
    music = cue("00:00:04,000 --> 00:00:05,000", "\u266a \u266a")
    nothing = "3\n00:00:06,000 --> 00:00:07,000\n"
    assert len(parse("\n".join([cue("00:00:01,000 --> 00:00:02,000"), music, nothing]), "srt")) == 1


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("7", 7),
        ("7.25", 7.25),
        ("7,25", 7.25),
        ("1:02", 62),
        ("1:00:00.5", 3600.5),
        ("075.5", 75.5),
    ],
)
def test_times_are_seconds_or_clock_times(stamp: str, seconds: float) -> None:
    assert parse(f"a|0|{stamp}|Hello.", "csv")[0].end == seconds


def test_a_table_may_give_a_whole_recording_and_no_file() -> None:
    assert parse("a|||All | of it.\n|1|2|This one.", "csv") == [
        Line(None, None, "All | of it.", "a"),
        Line(1.0, 2.0, "This one."),
    ]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", ["", " \n \n", "\ufeff"])
def test_nothing_is_refused(name: str, text: str) -> None:
    expected = "transcript_unreadable" if name == "vtt" else "transcript_empty"
    assert refusal(text, name).code == expected


BAD_TIMES = {
    "ends before it begins": (cue("00:00:03,000 --> 00:00:02,000"), "srt", 2),
    "no length": (cue("00:00:03,000 --> 00:00:03,000"), "srt", 2),
    "overlapping": (SRT.replace("00:00:04,000", "00:00:03,000"), "srt", 6),
    "sixty seconds": (cue("00:00:01,000 --> 00:00:61,000"), "srt", 2),
    "sixty minutes": ("a|0:60:00|2:00:00|Hello.", "csv", 1),
    "no number": (CSV + "a.wav|x|70|Hello.", "csv", 4),
    "not a number": ("a|nan|inf|Hello.", "csv", 1),
    "negative": ("a|-1|2|Hello.", "csv", 1),
    "half given": ("a|1||Hello.", "csv", 1),
    "at once, in any order": ("a|5|7|One.\na|1|6|Two.", "csv", 1),
    "some with times and some without": ("a|1|2|One.\na|||Two.", "csv", 2),
}


@pytest.mark.parametrize("kind", BAD_TIMES)
def test_times_that_cannot_be_are_refused_with_their_line(kind: str) -> None:
    text, name, line = BAD_TIMES[kind]
    error = refusal(text, name)
    assert (error.code, error.line) == ("transcript_times", line)
    assert str(error).startswith(f"Line {line}: ")


UNREADABLE = {
    "a name": ("Hello.", "a.docx", None),
    "no cue": ("Hello.", "srt", 1),
    "times that are none": (cue("one --> two"), "srt", 2),
    "no empty line between cues": (SRT.replace("\n\n", "\n"), "srt", 5),
    "no header": (SRT, "vtt", 1),
    "no empty line after the header": ("WEBVTT\n00:01.000 --> 00:02.000\nHello.", "vtt", 2),
    "too few columns": (CSV + "a.wav|5|Hello.", "csv", 4),
    "a NUL": ("Hel\0lo.", "txt", 1),
    "what is left of a wrong encoding": ("Gr\ufffd\ufffde.", "txt", 1),
    "half a character": ("Good\n\ud800.", "txt", 2),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_is_no_such_format_is_refused_with_its_line(kind: str) -> None:
    text, name, line = UNREADABLE[kind]
    error = refusal(text, name)
    assert (error.code, error.line) == ("transcript_unreadable", line)
    assert error.details == ({"line": line} if line else {})


def test_lines_of_two_recordings_may_be_said_at_once() -> None:
    assert len(parse("a|1|5|One.\nb|2|4|Two.", "csv")) == 2


def test_two_lines_may_touch() -> None:
    assert len(parse("a|1|2|One.\na|2|3|Two.", "csv")) == 2


def test_a_refusal_is_one_of_the_voices_errors() -> None:
    assert issubclass(TranscriptError, VoiceError)


@pytest.mark.parametrize(
    "text",
    [
        "a" * (MOST_CHARACTERS + 1),
        "a\n" * 100_000,
        "a|1|2|b\n" * 90_000,
    ],
)
@pytest.mark.parametrize("name", FORMATS)
def test_what_is_huge_is_refused(name: str, text: str) -> None:
    if name == "vtt":
        text = "WEBVTT\n\n" + text
    assert refusal(text, name).code == "transcript_too_long"


def test_so_many_lines_of_speech_are_refused() -> None:
    rows = [f"|{number}|{number + 1}|Hello." for number in range(MOST_LINES)]
    assert len(parse("\n".join(rows), "csv")) == MOST_LINES
    assert refusal("\n".join([*rows, "|90000|90001|Hello."]), "csv").code == "transcript_too_long"


def test_a_table_of_many_recordings_takes_no_longer() -> None:
    begun = time.process_time()
    assert len(parse("\n".join(f"{number}.wav|||Hello." for number in range(MOST_LINES)), "csv"))
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    "piece", ["<a", "{\\", "&amp", "<1", "a\n\n", "\u0301", "1:1:1 --> ", "  "]
)
@pytest.mark.parametrize("name", FORMATS)
def test_no_text_takes_long(name: str, piece: str) -> None:
    begun = time.process_time()
    text = cue("00:00:01,000 --> 00:00:02,000", piece * 60_000)
    with suppress(TranscriptError):
        parse(f"WEBVTT\n\n{text}" if name == "vtt" else text, name)
    assert time.process_time() - begun < 3


ANY = st.text() | st.lists(
    st.sampled_from([
        *("WEBVTT", "\n", "\n\n", "\r\n", "00:00:01.000", " --> ", "00:00:02,500", "1", "|", "2.5"),
        *("<i>", "</i>", "<", "&lt;", "NOTE", "STYLE", "\ufeff", "\0", "Hello", ".", " ", "-->"),
        "file|start|end|text",
    ]),
    max_size=30,
).map("".join)  # fmt: skip


@given(ANY, st.sampled_from(sorted(FORMATS)))
def test_any_text_is_read_or_refused_with_a_code(text: str, name: str) -> None:
    lines: list[Line] = []
    refusals: list[TranscriptError] = []
    try:
        lines = parse(text, name)
    except TranscriptError as error:
        refusals.append(error)
    assert bool(lines) != bool(refusals)
    assert all(error.code in CODES and str(error) for error in refusals)
    for line in lines:
        assert any(map(str.isalnum, line.text))
        assert line.text == " ".join(line.text.split())
        assert "\0" not in line.text
        assert line.text.encode()
        assert (line.start is None) == (line.end is None)
        assert line.start is None or 0 <= line.start < (line.end or 0)


def test_what_a_plain_text_goes_with_is_what_a_trainer_takes_as_one_clip() -> None:
    limits = Path(__file__).parents[2] / "gpu_worker" / "training" / "dataset" / "limits.json"
    assert json.loads(limits.read_text(encoding="utf-8"))["most_clip_seconds"] == ONE_CLIP


MOMENTS = st.lists(st.integers(0, 10_000_000), min_size=2, max_size=12, unique=True).map(sorted)


def clock(thousandths: int, point: str) -> str:
    seconds, rest = divmod(thousandths, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{point}{rest:03}"


@given(MOMENTS)
def test_every_format_reads_the_same_lines_at_the_same_times(moments: list[int]) -> None:
    spans = list(zip(moments[::2], moments[1::2], strict=False))
    wanted = [Line(a / 1000, b / 1000, f"Line {a}.") for a, b in spans]
    srt = "\n".join(cue(f"{clock(a, ',')} --> {clock(b, ',')}", f"Line {a}.") for a, b in spans)
    vtt = "WEBVTT\n\n" + srt.replace(",", ".")
    csv = "\n".join(f"|{a / 1000}|{clock(b, '.')}|Line {a}." for a, b in spans)
    assert parse(srt, "srt") == parse(vtt, "vtt") == parse(csv, "csv") == wanted
