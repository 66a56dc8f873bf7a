"""Where a recording is cut: by its transcript's times, or not at all, or where nobody speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpu_worker.training.dataset.aligning import pair
from gpu_worker.training.dataset.limits import limits
from gpu_worker.training.dataset.parts import RECOGNISE, Cut, DatasetError, Rejection, Unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpu_worker.training.dataset.hearing import Speech
    from gpu_worker.training.dataset.recogniser import Word
    from synthesis_worker.contract import Waveform
    from voices.transcripts import Line

WIDEN = 0.5  # seconds, at the most
PAUSE = 0.1  # seconds: shorter ones lie inside words
BREATH, LONG_BREATH = 0.3, 1.0  # where a clip may end, and where it must
EDGE = 0.2  # seconds of silence that stay with a clip for now

Span = tuple[float, float]


def needs_recogniser(lines: Sequence[Line], seconds: float, longest: float) -> bool:
    if any(line.start is not None for line in lines):
        return False
    return not lines or seconds > longest


def check_recogniser(name: str, lines: Sequence[Line], seconds: float, *, there: bool) -> None:
    if not there and needs_recogniser(lines, seconds, limits().most_clip_seconds):
        wanted = f"is {seconds:.0f} s long, with no times in its text" if lines else "has no text"
        message, code = f"A recording {wanted}. {RECOGNISE}", "recogniser_missing"
        rejected = [Rejection(name, 0.0, seconds, code, message)]
        raise DatasetError(message, code=code, rejected=rejected)


def cuts_of(
    waveform: Waveform, speech: Speech, lines: Sequence[Line],
    recognise: Callable[[], Sequence[Word]] | None, *, longest: float,
) -> list[Cut]:  # fmt: skip
    """`recognise` says the waveform's words; `longest`: so many seconds a clip may have."""
    timed = [line for line in lines if line.start is not None]
    if timed:
        return _given(timed, speech)
    text = " ".join(line.text for line in lines)
    if recognise is None or not needs_recogniser(lines, waveform.seconds, longest):
        return [Cut(0.0, waveform.seconds, text)]
    _check_pace(text, waveform.seconds)
    return pair(spans_of(speech, longest), recognise(), text)


def _check_pace(text: str, seconds: float) -> None:
    """Before anybody listens: to compare a whole book with a sentence takes for ever."""
    pace = len("".join(text.split())) / seconds
    if pace > limits().characters_a_second[1]:
        raise Unfit(
            "transcript_mismatch",
            f"{pace:.0f} characters a second are not what anybody says; see whether the text"
            " belongs to this recording.",
        )


def _given(lines: Sequence[Line], speech: Speech) -> list[Cut]:
    """Each line's own times, made wider by no more than lies between it and its neighbours."""
    times = sorted((line.start or 0.0, line.end or 0.0, line.text) for line in lines)
    befores = [0.0, *(end for _, end, _ in times[:-1])]
    afters = [*(start for start, _, _ in times[1:]), float("inf")]
    return [
        Cut(
            speech.widened(start, max(before, start - WIDEN)),
            speech.widened(end, min(after, end + WIDEN)),
            text,
            given=True,
        )
        for (start, end, text), before, after in zip(times, befores, afters, strict=True)
    ]


def spans_of(speech: Speech, longest: float) -> list[Span]:
    """Phrases joined to clips of 3 seconds at least, cut in pauses alone."""
    spans: list[Span] = []
    for start, end in speech.phrases():
        if spans and _belongs(spans[-1], start, end, longest):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return _with_edges(spans)


def _belongs(span: Span, start: float, end: float, longest: float) -> bool:
    if start - span[1] < PAUSE:
        return True
    enough = span[1] - span[0] >= limits().enough_clip_seconds
    fits = end - span[0] <= longest - 2 * EDGE
    return fits and start - span[1] < (BREATH if enough else LONG_BREATH)


def _with_edges(spans: list[Span]) -> list[Span]:
    """Up to the middle of the pause between two."""
    befores = [0.0, *(end for _, end in spans)]
    afters = [*(start for start, _ in spans[1:]), float("inf")]
    return [
        (max(start - EDGE, (before + start) / 2), min(end + EDGE, (end + after) / 2))
        for (start, end), before, after in zip(spans, befores, afters, strict=False)
    ]
