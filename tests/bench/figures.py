"""The figures a comparison gives, as a table and as var/bench.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEAD = ("metric", "ours", "peer", "ratio", "goal", "met", "unit")


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. `ratio` is ours / peer; a goal bounds the ratio, or where there is no peer, ours."""

    metric: str
    ours: float
    peer: float | None
    peer_name: str
    ratio: float | None
    goal: str
    met: bool | None
    unit: str

    def cells(self) -> tuple[str, ...]:
        peer = "" if self.peer is None else f"{_short(self.peer)} ({self.peer_name})"
        met = {True: "yes", False: "NO", None: ""}[self.met]
        ratio = "" if self.ratio is None else _short(self.ratio)
        return self.metric, _short(self.ours), peer, ratio, self.goal, met, self.unit


def compare(
    metric: str,
    ours: float,
    peer: float,
    peer_name: str,
    *,
    unit: str,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Figure:
    """Ours beside a peer's; the bound, if any, is one of the ratio."""
    ratio = ours / peer
    return Figure(metric, ours, peer, peer_name, ratio, *_judge(ratio, at_most, at_least), unit)


def state(
    metric: str,
    ours: float,
    *,
    unit: str,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Figure:
    """A figure without a peer; the bound, if any, is one of the figure."""
    return Figure(metric, ours, None, "", None, *_judge(ours, at_most, at_least), unit)


def _judge(value: float, at_most: float | None, at_least: float | None) -> tuple[str, bool | None]:
    if at_most is not None:
        return f"<= {at_most:g}", value <= at_most
    if at_least is not None:
        return f">= {at_least:g}", value >= at_least
    return "", None


def table(figures: Sequence[Figure]) -> str:
    """For a terminal and for Markdown alike."""
    rows = [HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def load(path: Path) -> list[Figure]:
    """What an earlier run has saved."""
    return [Figure(**row) for row in json.loads(path.read_text())] if path.exists() else []


def save(figures: Sequence[Figure], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
