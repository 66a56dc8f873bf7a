"""python -m tests.chaos.report [--only PART]: measure, and write docs/reliability.md."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.page import compose, paragraphs
from tests.chaos.parts import PARTS
from tests.chaos.stage import ROOT
from tests.chaos.stamp import PAGE, commit, stamp

if TYPE_CHECKING:
    from tests.chaos.parts import Part

CALLED_OFF = 130

say = partial(print, flush=True)


def main() -> int:
    asked = _arguments()
    holds, started = True, time.monotonic()
    for name in [asked.only] if asked.only else PARTS:
        say(f"{name}:")
        found = _measure(name, asked)
        if found is None:
            return CALLED_OFF
        holds = holds and found
    say(f"took {time.monotonic() - started:.0f} s; {'all holds' if holds else 'A GOAL IS MISSED'}")
    return 0 if holds else 1


def _measure(name: str, asked: Namespace) -> bool | None:
    """Whether the part's promises hold; None where it was called off. The page has it by then."""
    part, at, began = PARTS[name], commit(), time.monotonic()
    asked.records.mkdir(parents=True, exist_ok=True)
    measured = part.measure(asked.records / name, say, quick=asked.quick)
    if measured is None:
        return None
    text = paragraphs(stamp(at, time.monotonic() - began)) + "\n" + measured.text
    figures = json.dumps(measured.figures, indent=2) + "\n"
    (asked.records / f"{name}.json").write_text(figures, encoding="utf-8")
    _write(part, text, asked.out)
    say(measured.text)
    return measured.holds


def _write(part: Part, text: str, page: Path) -> None:
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    order = [one.title for one in PARTS.values()]
    page.write_text(compose({part.title: text}, old, order), encoding="utf-8")


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.chaos.report", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part; the others stay as they are")
    parser.add_argument("--quick", action="store_true", help="a small version of everything")
    parser.add_argument("--out", type=Path, default=ROOT / PAGE)
    parser.add_argument("--records", type=Path, default=ROOT / "var" / "report")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
