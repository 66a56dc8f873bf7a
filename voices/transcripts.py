"""What somebody says in a recording, as people upload it: SRT, VTT, CSV and plain text."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from voices.errors import VoiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ONE_CLIP = 12.0  # seconds: a recording up to here is one clip, and a plain text goes with it
MOST_CHARACTERS = 1_000_000  # twelve hours of fast speech
MOST_LINES = 20_000
ARROW = "-->"
COLUMNS = 4
HEADER = "file|start|end|text"
VTT_BLOCKS = ("NOTE", "STYLE", "REGION")  # what is in them is not said
STAMP = r"(?:\d{1,4}:)?\d{1,2}:\d{1,2}(?:[.,]\d{1,20})?"
MINUTE = 60

_CUE = re.compile(rf"\s*({STAMP})\s*{ARROW}\s*({STAMP})(?:\s.*)?")
_STAMP = re.compile(STAMP)
_SECONDS = re.compile(r"\d{1,6}(?:[.,]\d{1,20})?")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[\d:.]+>|\{\\[^{}]*\}")

Numbered = tuple[int, str]


class TranscriptError(VoiceError):
    """The transcript cannot be used as it is.

    transcript_unreadable, transcript_times, transcript_empty, transcript_too_long or
    transcript_file_unknown; the message says what to do, and `details` in which line.
    """

    code = "transcript_unreadable"

    def __init__(self, message: str, *, code: str | None = None, line: int | None = None) -> None:
        super().__init__(f"Line {line}: {message}" if line else message)
        self.code = code or self.code
        self.line = line
        self.details = {"line": line} if line else {}


@dataclass(frozen=True, slots=True)
class Line:
    """What is said from `start` to `end`, in seconds; without times, in the whole recording."""

    start: float | None
    end: float | None
    text: str
    file: str | None = None

    def is_of(self, name: str) -> bool:
        """Whether it is said in the recording of this name: where it names none, in any."""
        return self.file is None or PurePath(self.file).name in _called([name])


def parse(text: str, name: str) -> list[Line]:
    """The lines of a transcript; `name` is its file name, or its format alone: srt, vtt, csv, txt.

    A line that has nothing to say is left out.
    """
    kind = _kind(name)
    lines = list(enumerate(_checked(text).split("\n"), 1))
    found = [(number, line) for number, line in FORMATS[kind](lines) if _has_words(line.text)]
    if not found:
        raise TranscriptError(
            "There are no words in the transcript; write down what is said.",
            code="transcript_empty",
        )
    _check_times(found)
    return [line for _, line in found]


def own_rows(text: str, name: str, others: Iterable[str]) -> str:
    """A CSV of many recordings without the rows of these others; what stays keeps its number."""
    mine, theirs = _called([name]), _called(others)
    rows = [
        (PurePath(row.partition("|")[0].strip()).name, row) for row in _checked(text).split("\n")
    ]
    kept = [row if file in mine or file not in theirs else "" for file, row in rows]
    return "\n".join(kept).rstrip("\n")


def _called(names: Iterable[str]) -> set[str]:
    return {one for name in names for one in (name, PurePath(name).stem)}


def _kind(name: str) -> str:
    kind = (PurePath(name).suffix or name).lstrip(".").lower()
    if kind not in FORMATS:
        known = ", ".join(FORMATS)
        raise TranscriptError(f"A transcript is one of {known}; its name must end so.")
    return kind


def _checked(text: str) -> str:
    """With one kind of line end and no byte order mark; short enough, and characters alone."""
    if len(text) > MOST_CHARACTERS:
        raise _too_long(f"more than {MOST_CHARACTERS} characters")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > COLUMNS * MOST_LINES:
        raise _too_long(f"more than {COLUMNS * MOST_LINES} lines")
    broken = re.search("[\0\ud800-\udfff\ufffd]", text)
    if broken:
        raise TranscriptError(
            "There is a character that is no text; save the transcript as UTF-8.",
            line=text.count("\n", 0, broken.start()) + 1,
        )
    return text


def _too_long(found: str) -> TranscriptError:
    return TranscriptError(
        f"The transcript has {found}; send one for each recording.", code="transcript_too_long"
    )


def _plain(lines: list[Numbered]) -> Iterator[tuple[int, Line]]:
    yield 1, Line(None, None, _tidy(" ".join(text for _, text in lines)))


def _csv(lines: list[Numbered]) -> Iterator[tuple[int, Line]]:
    """No quoting: what follows the third bar is the text, with any more bars in it."""
    for number, row in lines:
        if not row.strip() or (number == 1 and row.replace(" ", "").lower() == HEADER):
            continue
        parts = row.split("|", COLUMNS - 1)
        if len(parts) < COLUMNS:
            raise TranscriptError(f"write it as {HEADER}.", line=number)
        file, start, end = (part.strip() for part in parts[:-1])
        if bool(start) != bool(end):
            raise _bad_times("give both a start and an end, or neither", number)
        first, last = (_seconds(one, number) if one else None for one in (start, end))
        yield number, Line(first, last, _tidy(parts[-1]), file or None)


def _srt(lines: list[Numbered]) -> Iterator[tuple[int, Line]]:
    for block in _blocks(lines):
        yield _cue(block)


def _vtt(lines: list[Numbered]) -> Iterator[tuple[int, Line]]:
    if not re.match(r"WEBVTT(?:\s|$)", lines[0][1]):
        raise TranscriptError("the first line of a VTT file is WEBVTT.", line=1)
    header, *blocks = _blocks(lines)
    for number, text in header:
        if ARROW in text:
            raise TranscriptError("put an empty line before each cue.", line=number)
    for block in blocks:
        if block[0][1].split()[0] not in VTT_BLOCKS:
            yield _cue(block)


def _blocks(lines: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """What stands between empty lines."""
    block: list[Numbered] = []
    for number, text in lines:
        if text.strip():
            block.append((number, text))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _cue(block: list[Numbered]) -> tuple[int, Line]:
    """Times, perhaps below a number or a name, and what is said between them."""
    body = block if ARROW in block[0][1] else block[1:]
    number, times = body[0] if body else block[0]
    found = _CUE.fullmatch(times)
    if not found:
        raise TranscriptError(
            f"expected times such as 00:00:01.000 {ARROW} 00:00:04.000; an empty line ends a cue.",
            line=number,
        )
    for later, text in body[1:]:
        if ARROW in text:
            raise TranscriptError("put an empty line before each cue.", line=later)
    start, end = (_seconds(stamp, number) for stamp in found.groups())
    return number, Line(start, end, _spoken(" ".join(text for _, text in body[1:])))


def _spoken(text: str) -> str:
    """Without what is there for the eye: tags of both formats, and characters written as names."""
    return _tidy(html.unescape(_TAG.sub("", text)))


def _tidy(text: str) -> str:
    """One line, composed, without what cannot be seen or said."""
    seen = "".join(" " if unicodedata.category(one) in {"Cc", "Cs"} else one for one in text)
    return " ".join(unicodedata.normalize("NFC", seen).split())


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))


def _seconds(stamp: str, number: int) -> float:
    """From seconds, or from hours, minutes and seconds; thousandths after a point or a comma."""
    if _SECONDS.fullmatch(stamp):
        return float(stamp.replace(",", "."))
    if not _STAMP.fullmatch(stamp):
        raise _bad_times(f"{stamp[:20]!r} is no time; write seconds or 00:00:01.000", number)
    *hours, minutes, seconds = stamp.replace(",", ".").split(":")
    if float(seconds) >= MINUTE or (hours and int(minutes) >= MINUTE):
        raise _bad_times(f"{stamp[:20]!r} has more than 59 minutes or seconds", number)
    whole = int(hours[0] if hours else 0) * MINUTE**2 + int(minutes) * MINUTE
    return round(whole + float(seconds), 6)


def _bad_times(message: str, number: int) -> TranscriptError:
    return TranscriptError(f"{message}.", code="transcript_times", line=number)


def _check_times(found: list[tuple[int, Line]]) -> None:
    """Each line has a length, and no two of a recording are said at once."""
    if len(found) > MOST_LINES:
        raise _too_long(f"more than {MOST_LINES} lines of speech")
    several = Counter(line.file for _, line in found)
    ends: dict[str | None, float] = {}
    for number, line in sorted(found, key=lambda one: one[1].start or 0.0):
        if line.start is None or line.end is None:
            if several[line.file] > 1:
                raise _bad_times("give times to each line of this recording", number)
            continue
        if line.end <= line.start:
            raise _bad_times("it ends before it begins; correct its times", number)
        if line.start < ends.get(line.file, 0.0):
            raise _bad_times("it begins before the one before it has ended; correct it", number)
        ends[line.file] = line.end


FORMATS: dict[str, Callable[[list[Numbered]], Iterator[tuple[int, Line]]]] = {
    "srt": _srt,
    "vtt": _vtt,
    "csv": _csv,
    "txt": _plain,
}
