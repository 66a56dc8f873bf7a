"""What a finished job says of its audio, and what it is charged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.services.claims import Charge
from voices.requests import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voices.renders import File, FoundRender


def result_for(
    request: Mapping[str, Any],
    step: Mapping[str, Any],
    render: FoundRender,
    file: File,
    *,
    cached: bool,
) -> dict[str, Any]:
    """Everything a client needs to know of the file, and who really spoke it."""
    return {
        "sha256": file.sha256,
        "format": file.format,
        "media_type": FORMATS[file.format],
        "bytes": file.bytes,
        "seconds": round(render.seconds, 3),
        "sample_rate": file.sample_rate,
        "voice": request["voice"],
        "revision": request["revision"],
        "engine": render.engine,
        "model": step["binding"]["model"],
        "seed": step["binding"]["seed"],
        "substituted": bool(step["binding"]["substitute"]),
        "cached": cached,
    }


def charge_for(request: Mapping[str, Any], render: FoundRender, *, cached: bool) -> Charge:
    """Our own engines cost nothing per character; cloud providers bring prices of their own."""
    return Charge(
        voice=request["voice"],
        provider=render.engine,
        characters=len(request["text"]),
        audio_seconds=round(render.seconds, 3),
        cached=cached,
    )
