"""An error of somebody else's code, short enough for a message of ours."""

from __future__ import annotations

LONGEST = 200


def in_short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:LONGEST]}"
