"""ETag and If-Match of what people and programs edit: the second of two editors is told."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rest_framework.request import Request

WRITTEN = re.compile(r'(?:W/)?"([0-9]{1,9})"')


class VersionMissingError(Exception):
    """Send If-Match with the ETag you last read, so that nobody's change is lost."""

    code = "if_match_missing"
    status = HTTPStatus.PRECONDITION_REQUIRED

    def __str__(self) -> str:
        return (self.__doc__ or "").strip()


class VersionChangedError(Exception):
    """Somebody has changed this since you read it: read it again, and repeat your change."""

    code = "version_changed"
    status = HTTPStatus.PRECONDITION_FAILED

    def __str__(self) -> str:
        return (self.__doc__ or "").strip()


def etag(version: int) -> str:
    return f'"{version}"'


def expected_version(request: Request) -> int | None:
    """The version the client means to change. `*` is whatever there is: None."""
    given = request.headers.get("If-Match", "").strip()
    if not given:
        raise VersionMissingError
    if given == "*":
        return None
    if (found := WRITTEN.fullmatch(given)) is None:
        raise VersionChangedError
    return int(found[1])
