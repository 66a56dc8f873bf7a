"""Signed addresses for the folder store: what S3 calls presigned."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from voices.store.errors import LinkExpired, LinkInvalid
from voices.store.names import check_name

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    def __init__(self, secret: str, old_secrets: Sequence[str] = ()) -> None:
        if not secret:
            raise ValueError("links need a secret to be signed with")
        self._key, *self._old_keys = [_PURPOSE + one.encode() for one in (secret, *old_secrets)]

    def query(self, name: str, *, seconds: int, file_name: str, media_type: str) -> str:
        expires = str(math.ceil(time.time() + check_seconds(seconds)))
        values = (expires, file_name, media_type)
        signature = _sign(self._key, name, values)
        return urlencode([*zip(_FIELDS, values, strict=True), ("signature", signature)])

    def verify(self, name: str, query: str) -> OpenedLink:
        """What the link serves. Only a link that is true may learn that it has expired."""
        found = dict(parse_qsl(query, keep_blank_values=True))
        values = tuple(found.get(field, "") for field in _FIELDS)
        if not self._is_true(found.get("signature", ""), name, values):
            raise LinkInvalid("the link was not signed here, or was altered: ask for a new one")
        expires, file_name, media_type = values
        if time.time() >= int(expires):
            raise LinkExpired("the link has expired: ask for a new one")
        return OpenedLink(check_name(name), file_name, media_type)

    def _is_true(self, signature: str, name: str, values: tuple[str, ...]) -> bool:
        """Also where it was signed with a key that has been replaced since."""
        given = signature.encode()
        return any(
            hmac.compare_digest(given, _sign(key, name, values).encode())
            for key in (self._key, *self._old_keys)
        )


def _sign(key: bytes, name: str, values: tuple[str, ...]) -> str:
    message = json.dumps([name, *values]).encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()
