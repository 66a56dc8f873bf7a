"""Whether recordings are long enough for what an engine makes of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from voices.routing import Offered

PURPOSES = {"clone": "clone_seconds", "train": "train_seconds"}


@dataclass(frozen=True, slots=True)
class Suit:
    """Whether an engine can do this with what is here; `why` says what is missing."""

    engine: str
    purpose: str
    ok: bool
    why: str = ""


def suits(offers: Iterable[Offered], seconds: float) -> list[Suit]:
    """For each engine that clones or trains. One on two queues is one engine."""
    known = {offer.engine: offer.capabilities for offer in offers}
    found = [
        (capabilities.get("trains") or engine, purpose, why_not(capabilities, purpose, seconds))
        for engine, capabilities in sorted(known.items())
        for purpose in PURPOSES
    ]
    return [Suit(engine, to, not why, why) for engine, to, why in found if why is not None]


def why_not(capabilities: Mapping[str, Any], purpose: str, seconds: float) -> str | None:
    """Why not, in words; empty where nothing speaks against it, None where it never does this."""
    needed = capabilities.get(PURPOSES[purpose])
    if needed is None:
        return None
    least, most = needed
    if least <= seconds <= most:
        return ""
    too_little = seconds < least
    here = (floor if too_little else ceil)(seconds * 10) / 10  # 5.96 of 6 is not shown as 6
    what_to_do = "record more" if too_little else "choose among them"
    return f"{least:g} to {most:g} seconds are needed, {here:.1f} are here: {what_to_do}."
