"""Names of stored objects, and the file names people see."""

from __future__ import annotations

import hashlib
from email.message import Message
from uuid import UUID

import pytest

from voices.store import (
    NameRefused,
    audio_name,
    content_disposition,
    safe_file_name,
    upload_name,
)
from voices.store.names import media_type_of, sha256_in

SHA = hashlib.sha256(b"speech").hexdigest()
TENANT = UUID("0190d0c8-7c3e-7d5a-9f10-2b6f3f1c9a77")


@pytest.mark.parametrize("tenant", [TENANT, str(TENANT), "shared"])
def test_a_name_says_whose_it_is_and_what_it_holds(tenant: UUID | str) -> None:
    name = audio_name(tenant, SHA, "flac")
    assert name == f"{tenant}/{SHA[:2]}/{SHA}.flac"
    assert sha256_in(name) == SHA
    assert media_type_of(name) == "audio/flac"


@pytest.mark.parametrize(
    ("tenant", "sha256", "suffix"),
    [
        ("..", SHA, "wav"),
        ("Shared", SHA, "wav"),
        (str(TENANT).upper(), SHA, "wav"),
        (TENANT.hex, SHA, "wav"),
        (f"{TENANT}/..", SHA, "wav"),
        ("shared", SHA[:-1], "wav"),
        ("shared", SHA + "0", "wav"),
        ("shared", "../../../etc/passwd", "wav"),
        ("shared", SHA, ""),
        ("shared", SHA, "wav/.."),
        ("shared", SHA, "wav\n"),
        ("shared", SHA, "wäv"),
        ("shared", SHA, "w" * 11),
    ],
)
def test_nothing_else_is_a_name(tenant: str, sha256: str, suffix: str) -> None:
    with pytest.raises(NameRefused):
        audio_name(tenant, sha256, suffix)


def test_an_upload_has_a_name_of_its_own_and_is_just_bytes_whatever_it_claims() -> None:
    name = upload_name(TENANT, SHA)
    assert name == f"{TENANT}/{SHA[:2]}/{SHA}.upload"
    assert media_type_of(name) == "application/octet-stream"
    with pytest.raises(NameRefused):
        upload_name(TENANT, "../../take.wav")


def test_an_unknown_suffix_is_just_bytes() -> None:
    assert media_type_of(audio_name("shared", SHA, "bin")) == "application/octet-stream"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Good morning", "Good morning.wav"),
        ("", "speech.wav"),
        (" .. ", "speech.wav"),
        ("../../etc/passwd", "etc passwd.wav"),
        ("C:\\Windows\\a?b*c", "C Windows a b c.wav"),
        ("a\r\nSet-Cookie: x=1", "a Set-Cookie x=1.wav"),
        ("nul\0byte\x7f\x1b", "nulbyte.wav"),
        ("\u202egnp.exe", "gnp.exe.wav"),
        ("Grüße, 世界 🎉", "Grüße, 世界 🎉.wav"),
        ("e\u0301te\u0301", "été.wav"),
        ("lone \ud800 surrogate", "lone surrogate.wav"),
        ("CON", "_CON.wav"),
        ("com1.tar", "_com1.tar.wav"),
        ("concert", "concert.wav"),
    ],
)
def test_a_title_becomes_a_safe_file_name(title: str, expected: str) -> None:
    assert safe_file_name(title, "wav") == expected


def test_a_long_title_is_cut_between_characters() -> None:
    name = safe_file_name("é" * 500, "flac")
    assert name == "é" * 75 + ".flac"


@pytest.mark.parametrize("suffix", ["", ".wav", "wav\r\n", "../x", "WAV"])
def test_a_suffix_is_a_suffix(suffix: str) -> None:
    with pytest.raises(NameRefused):
        safe_file_name("title", suffix)


@pytest.mark.parametrize(
    ("file_name", "plain", "exact"),
    [
        ("speech.wav", "speech.wav", "speech.wav"),
        ("Größe 1.wav", "Groe 1.wav", "Größe 1.wav"),
        ("世界.wav", "speech.wav", "世界.wav"),
        ('a"; filename="evil.exe', "a_; filename=_evil.exe", 'a"; filename="evil.exe'),
        ("back\\slash%41.wav", "back_slash_41.wav", "back\\slash%41.wav"),
        ("a\r\nX-Evil: 1.wav", "a X-Evil: 1.wav", "a X-Evil: 1.wav"),
        ("a\x85\u2028b.wav", "a b.wav", "a b.wav"),
        ("\ud800", "speech", "speech"),
    ],
)
def test_a_header_carries_any_file_name_and_nothing_else(
    file_name: str, plain: str, exact: str
) -> None:
    header = content_disposition(file_name)
    assert header.isascii()
    assert header.isprintable()
    old, _, new = header.rpartition("; ")
    assert old == f'attachment; filename="{plain}"'
    assert _filename_star(new) == exact


def _filename_star(parameter: str) -> str | None:
    """What a header parser makes of the exact name alone."""
    message = Message()
    message["Content-Disposition"] = f"attachment; {parameter}"
    return message.get_filename()
