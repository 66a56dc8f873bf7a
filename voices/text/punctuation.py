"""Marks that end, continue, open and close, in every script that has its own."""

# ruff: noqa: RUF001 - look-alikes are the point of this file

from __future__ import annotations

# These end a sentence only before a space; the others end one wherever they stand.
SPACED_STOPS = ".!?…؟۔"
FULL_WIDTH_STOPS = "。！？｡։።။।॥།។"
STOPS = SPACED_STOPS + FULL_WIDTH_STOPS

# After a clause one may breathe, before a space or (in full width) anywhere.
SPACED_CLAUSES = ",;:\u2013—؛،"
FULL_WIDTH_CLAUSES = "、，；："
CONTINUES = SPACED_CLAUSES.replace(":", "") + FULL_WIDTH_CLAUSES.replace("：", "") + "-(/&"

OPENING_BRACKETS = "([{（【"
CLOSING_BRACKETS = ")]}）】"
CLOSERS = CLOSING_BRACKETS + "\"'”’»›」』"
OPENERS = OPENING_BRACKETS + "\"'“‘«‹「『¿¡—\u2013-"

# The full stop of a script that does not use the Latin one: first letter, last letter, stop.
FULL_STOPS = (("\u3040", "\u9fff", "。"), ("\u0900", "\u097f", "।"))
