"""Reading files out of multipart bodies."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import multipartparser
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import MultiPartParser

from voices.samples.uploading import Upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.parsers import DataAndFiles
    from rest_framework.request import Request

FIELD = "file"

# A thousand characters are a silly name, and no reason to refuse a file. Django says 1 KiB.
multipartparser.MAX_TOTAL_HEADER_SIZE = 16 * 1024  # type: ignore[attr-defined]


class FilesParser(MultiPartParser):
    """Django's, whose every complaint about a body is a 4xx."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> DataAndFiles[Any, Any]:
        try:
            return super().parse(stream, media_type, parser_context)
        except RequestDataTooBig:
            raise
        except (SuspiciousOperation, LookupError, ValueError) as error:
            raise ParseError(f"Multipart form parse error - {error}") from None


def read_uploads(request: Request) -> list[Upload]:
    """The files of the one field there may be, in order."""
    form: Any = request.data
    unknown = sorted({*form} - {FIELD})
    if unknown:
        raise ValidationError({name[:60]: ["There is no such field."] for name in unknown[:10]})
    files = request.FILES.getlist(FIELD)
    if not files or len(files) < len(form.getlist(FIELD)):
        raise ValidationError({FIELD: ["Send one or several files, each with a file name."]})
    return [Upload(file.name or "", file.read()) for file in files]
