"""Signed addresses for the folder store: what S3 calls presigned."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from voices.store.errors import LinkExpired, LinkInvalid
from voices.store.names import check_name

WEEK = 7 * 24 * 3600  # the longest S3 signs
_PURPOSE = b"voicemill store link\n"  # the secret may sign other things elsewhere
_FIELDS = ("expires", "file_name", "media_type")


def check_seconds(seconds: int) -> int:
    if not 1 <= seconds <= WEEK:
        raise ValueError(f"a link lives from one second to a week, not {seconds} seconds")
    return seconds


@dataclass(frozen=True, slots=True)
class OpenedLink:
    name: str
    file_name: str
    media_type: str


class LinkSigner:
    """Signs every part of a link, so that no part can be exchanged."""

    def __init__(self, secret: str) -> None:
        if not secret:
            raise ValueError("links need a secret to be signed with")
        self._key = _PURPOSE + secret.encode()

    def query(self, name: str, *, seconds: int, file_name: str, media_type: str) -> str:
        expires = str(math.ceil(time.time() + check_seconds(seconds)))
        values = (expires, file_name, media_type)
        signature = self._sign(name, values)
        return urlencode([*zip(_FIELDS, values, strict=True), ("signature", signature)])

    def verify(self, name: str, query: str) -> OpenedLink:
        """What the link serves. Only a link that is true may learn that it has expired."""
        found = dict(parse_qsl(query, keep_blank_values=True))
        values = tuple(found.get(field, "") for field in _FIELDS)
        given = found.get("signature", "").encode()
        if not hmac.compare_digest(given, self._sign(name, values).encode()):
            raise LinkInvalid("the link was not signed here, or was altered: ask for a new one")
        expires, file_name, media_type = values
        if time.time() >= int(expires):
            raise LinkExpired("the link has expired: ask for a new one")
        return OpenedLink(check_name(name), file_name, media_type)

    def _sign(self, name: str, values: tuple[str, ...]) -> str:
        message = json.dumps([name, *values]).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()
