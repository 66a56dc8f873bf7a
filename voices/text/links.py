"""Links and addresses as a listener wants them: where they lead, not how they are spelled."""

from __future__ import annotations

import re

_URL = re.compile(
    r"(?:https?|ftps?)://[^\s<>\"“”]*+|\b(?:mailto|tel):[^\s<>\"“”]++|\bwww\.[^\s<>\"“”]++", re.I
)
_PATH_AFTER_HOST = re.compile(
    r"(?<![\w.@/-])((?:[a-z0-9-]{1,63}\.){1,8}"
    r"(?:com|org|net|edu|gov|int|info|io|dev|app|ai|co|uk|de|fr|es|it|nl|eu|ca|au|jp|ly|me|tv|be))"
    r"(?::[0-9]+)?[/?][^\s<>\"“”]*+",
    re.I,
)
_EMAIL = re.compile(r"(?<![\w.+%@-])([\w.+%-]{1,64}+)@([\w-]{1,63}(?:\.[\w-]{1,63})+)")
_AUTHORITY_END = re.compile(r"[/?#]")
_TRAILING = ".,;:!?)]}'*_~`>"


def speak_links(text: str) -> str:
    """Bare links become their host name, `joe@x.com` becomes `joe @ x.com`; nothing else moves."""
    if ":" in text or "www." in text.lower():
        text = _URL.sub(_host_of_url, text)
    if "/" in text or "?" in text:
        text = _PATH_AFTER_HOST.sub(_host_before_path, text)
    return _EMAIL.sub(r"\1 @ \2", text) if "@" in text else text


def _host_of_url(found: re.Match[str]) -> str:
    url, trailing = _without_trailing(found[0])
    scheme, _, recipient = url.partition(":")
    if scheme.lower() in {"mailto", "tel"}:
        return recipient.partition("?")[0] + trailing
    _, marker, address = url.partition("://")
    return _host(address if marker else url) + trailing


def _host(address: str) -> str:
    authority = _AUTHORITY_END.split(address, maxsplit=1)[0]
    host = authority.rpartition("@")[2].partition(":")[0]
    return re.sub(r"^www\.(?=[^.])", "", host, flags=re.I)


def _host_before_path(found: re.Match[str]) -> str:
    return found[1] + _without_trailing(found[0])[1]


def _without_trailing(url: str) -> tuple[str, str]:
    """The punctuation after a link belongs to the sentence."""
    kept = url.rstrip(_TRAILING)
    return kept, url[len(kept) :]
