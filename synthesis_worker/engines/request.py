"""What every engine refuses before it speaks: texts too long, dials it cannot turn."""

import math
from collections.abc import Mapping

from synthesis_worker.contract import Range, SpeechError, SpeechRequest, Unsupported


def check_dials(request: SpeechRequest, engine: str, dials: Mapping[str, Range]) -> None:
    """Refuse a dial that the engine does not have, a number out of its range, and NaN."""
    for name, value in request.dials.items():
        if name not in dials:
            have = ", ".join(sorted(dials)) or "none"
            raise Unsupported(f"{engine} has no dial {name!r}; it has: {have}.")
        low, high = dials[name].low, dials[name].high
        if math.isnan(value) or not low <= value <= high:
            raise Unsupported(
                f"{name} = {value} is out of range; {engine} takes {low} to {high}.",
                code="dial_out_of_range",
            )


def check_length(request: SpeechRequest, engine: str, most: int) -> None:
    if len(request.text) > most:
        raise SpeechError(
            f"{engine} takes {most} characters at once, this text has {len(request.text)}; "
            "cut it into parts.",
            code="text_too_long",
        )


def check_speaker(request: SpeechRequest, speakers: int) -> None:
    if not 0 <= (request.speaker or 0) < speakers:
        raise Unsupported(
            f"{request.model!r} has no speaker {request.speaker}; it has 0 to {speakers - 1}.",
            code="unknown_speaker",
        )


def nothing_to_say() -> SpeechError:
    return SpeechError(
        "The text holds nothing that can be spoken; send at least one word.",
        code="nothing_to_say",
    )


def check_artifact(request: SpeechRequest, engine: str) -> None:
    """For engines that do not clone: another speaker's voice must not stand in unnoticed."""
    if request.artifact is not None:
        raise Unsupported(f"{engine} does not clone; it cannot speak as a cloned speaker.")
