"""File names people see: safe on every disk, and safe inside a header."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from voices.store.errors import NameRefused

_LONGEST = 150  # bytes of the title: with a suffix it fits the 255 of common disks
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]+')
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_SUFFIX = re.compile(r"[a-z0-9]{1,10}")


def safe_file_name(title: str, suffix: str) -> str:
    """The title as a file name in its own script; 'speech' where nothing of it is left."""
    if not _SUFFIX.fullmatch(suffix):
        raise NameRefused(f"{suffix[:20]!r} is not a file suffix: one to ten of a-z and 0-9")
    stem = _FORBIDDEN.sub(" ", printable(title)).encode()[:_LONGEST].decode(errors="ignore")
    stem = " ".join(stem.split()).strip(". ")
    if _DEVICE.fullmatch(stem):  # Windows opens a device instead of a file
        stem = f"_{stem}"
    return f"{stem or 'speech'}.{suffix}"


def content_disposition(file_name: str) -> str:
    """An attachment header (RFC 6266): plain ASCII for old clients, RFC 8187 for the others."""
    name = printable(file_name) or "speech"
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["\\%]', "_", folded).strip()
    if plain.split(".")[0] == "":  # nothing of it was ASCII
        plain = f"speech{plain}"
    exact = quote(name, safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"


def printable(text: str) -> str:
    """Without control, invisible, unpaired and unassigned characters; line breaks become blanks."""
    spaced = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text))
    return "".join(c for c in spaced if not unicodedata.category(c).startswith("C")).strip()
