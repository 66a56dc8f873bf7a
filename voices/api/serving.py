"""Answers that carry audio: range, ETag and a safe name; the bytes follow on the ASGI side."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse

from tenants.problems import PROBLEM, as_json, problem
from voices.store import content_disposition

if TYPE_CHECKING:
    from voices.audio import Audio

STREAM_HEADER = "X-Voicemill-Stream"  # read and removed by voices.streaming
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def audio_responses(media_type: str) -> dict[Any, Any]:
    """What serve_audio may answer, for the OpenAPI file."""
    past_the_end = OpenApiResponse(OpenApiTypes.OBJECT, description="The range lies past the end.")
    return {
        (200, media_type): OpenApiTypes.BINARY,
        (206, media_type): OpenApiTypes.BINARY,
        304: OpenApiResponse(description="You have it already."),
        (416, PROBLEM): past_the_end,
    }


class Part(NamedTuple):
    start: int
    length: int


def serve_audio(request: HttpRequest, audio: Audio) -> HttpResponse:
    """200 or 206 with the bytes to follow; 304 where the client has them; 416 past the end."""
    etag = f'"{audio.sha256}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponse(status=304, headers={"ETag": etag})
    asked = _range_header(request, etag)
    part = parse_range(asked, audio.size) if asked else Part(0, audio.size)
    if part is None:
        return _past_the_end(audio.size)
    return _answer(audio, etag, part, partial=bool(asked) and RANGE.fullmatch(asked) is not None)


def _range_header(request: HttpRequest, etag: str) -> str:
    """The Range asked for, unless it is of another version of the file."""
    if request.headers.get("If-Range", etag) != etag:
        return ""
    return request.headers.get("Range", "")


def parse_range(header: str, size: int) -> Part | None:
    """The part a Range header asks for; all of it where it is not understood; None past the end."""
    found = RANGE.fullmatch(header)
    if found is None or found[0] == "bytes=-":
        return Part(0, size)
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        return Part(size - length, length) if length else None
    start, end = int(first), min(int(last or size - 1), size - 1)
    return Part(start, end - start + 1) if start <= end else None


def _past_the_end(size: int) -> HttpResponse:
    body, headers = problem(416, "range_unsatisfiable", f"The file has {size} bytes.")
    return as_json((body, headers | {"Content-Range": f"bytes */{size}"}))


def _answer(audio: Audio, etag: str, part: Part, *, partial: bool) -> HttpResponse:
    headers = {
        "Content-Length": str(part.length),
        "Content-Disposition": content_disposition(audio.file_name),
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Cache-Control": "private, max-age=300",
        STREAM_HEADER: f"{audio.name} {part.start} {part.length}",
    }
    if partial:
        end = part.start + part.length - 1
        headers["Content-Range"] = f"bytes {part.start}-{end}/{audio.size}"
    return HttpResponse(
        status=206 if partial else 200, content_type=audio.media_type, headers=headers
    )
