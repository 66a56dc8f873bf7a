"""Charts of an hour, drawn here: SVG that needs no script, and says in words what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.html import format_html, format_html_join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.utils.safestring import SafeString

    from jobs.admin.operations.history import Series

    Run = list[tuple[int, float]]

WIDTH, HEIGHT = 240, 60  # units of the drawing, which is stretched to its place
TOP = 4  # units left above the highest value


@dataclass(frozen=True, slots=True)
class Line:
    """One series. `look` is its class in operations.css."""

    name: str
    look: str
    values: Series
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over one scale, or bars upon each other; what they end at stands beside the title."""

    title: str
    latest: str
    lines: Sequence[Line]
    say: Callable[[float], str]
    bars: bool = False

    @property
    def is_known(self) -> bool:
        return any(value is not None for line in self.lines for value in line.values)

    @property
    def top(self) -> float:
        """The highest value there is."""
        series = [self._stacks()] if self.bars else [line.values for line in self.lines]
        return max((value or 0.0 for values in series for value in values), default=0.0)

    @property
    def most(self) -> str:
        return self.say(self.top)

    @property
    def words(self) -> str:
        return "; ".join(self._words(line) for line in self.lines)

    @property
    def svg(self) -> SafeString:
        shapes = self._bars(self.top) if self.bars else self._lines(self.top)
        return format_html(
            '<svg class="vm-drawing" role="img" viewBox="0 0 {} {}" preserveAspectRatio="none">'
            "<title>{}, the last hour</title><desc>{}</desc>"
            '<path class="vm-grid" d="M0 {}H{}M0 {}H{}"/>{}</svg>',
            *(WIDTH, HEIGHT, self.title, self.words, TOP, WIDTH, HEIGHT, WIDTH),
            format_html_join("", '<path class="{}" d="{}"/>', shapes),
        )

    def _words(self, line: Line) -> str:
        known = [value for value in line.values if value is not None]
        if not known:
            return f"{line.name}: no figures"
        lowest, highest, last = self.say(min(known)), self.say(max(known)), self.say(known[-1])
        return f"{line.name}: between {lowest} and {highest}, {last} at the end"

    def _lines(self, top: float) -> Iterator[tuple[str, str]]:
        for line in self.lines:
            runs = list(_runs(line.values))
            if line.filled:
                yield f"vm-area vm-{line.look}", "".join(self._area(run, top) for run in runs)
            yield f"vm-line vm-{line.look}", "".join(self._line(run, top) for run in runs)

    def _line(self, run: Run, top: float) -> str:
        """A minute that stands alone is a dot."""
        points = [f"{self._x(index)} {_y(value, top)}" for index, value in run]
        return "M" + ("L".join(points) if len(run) > 1 else f"{points[0]}h.01")

    def _area(self, run: Run, top: float) -> str:
        return f"{self._line(run, top)}V{HEIGHT}H{self._x(run[0][0])}z"

    def _bars(self, top: float) -> Iterator[tuple[str, str]]:
        below = [0.0] * len(self.lines[0].values)
        width = WIDTH / len(below)
        for line in self.lines:
            path = ""
            for index, value in enumerate(line.values):
                if value:
                    foot, head = _y(below[index], top), _y(below[index] + value, top)
                    path += f"M{index * width:.1f} {foot}V{head}h{width * 0.7:.1f}V{foot}z"
                    below[index] += value
            yield f"vm-bars vm-{line.look}", path

    def _x(self, index: int) -> str:
        return f"{index * WIDTH / (len(self.lines[0].values) - 1):.1f}"

    def _stacks(self) -> list[float]:
        columns = zip(*(line.values for line in self.lines), strict=True)
        return [sum(value or 0.0 for value in column) for column in columns]


def _y(value: float, top: float) -> str:
    return f"{HEIGHT - value / (top or 1.0) * (HEIGHT - TOP):.1f}"


def _runs(values: Series) -> Iterator[Run]:
    """The stretches without a gap: where nothing is known, nothing is drawn."""
    run: Run = []
    for index, value in enumerate(values):
        if value is not None:
            run.append((index, value))
        elif run:
            yield run
            run = []
    if run:
        yield run
