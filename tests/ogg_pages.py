"""Ogg pages around Opus packets, written by hand, so that hours of them cost no encoder."""

from __future__ import annotations

import struct
from functools import cache

PAGE_PACKETS = 255


def ogg_file(packet: bytes, samples: int, seconds: int) -> bytes:
    """The same packet over and over until the sound, at 48 kHz, has lasted so long."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<II", 0, 0)
    pages = [_page([head], 0, 0, 2), _page([tags], 0, 1, 0)]
    for number in range(seconds * 48_000 // samples // PAGE_PACKETS):
        place = (number + 1) * PAGE_PACKETS * samples
        pages.append(_page([packet] * PAGE_PACKETS, place, number + 2, 0))
    return b"".join(pages)


def _page(packets: list[bytes], place: int, number: int, kind: int) -> bytes:
    sizes = bytes(map(len, packets))
    start = struct.pack("<4sBBqII", b"OggS", 0, kind, place, 1, number)
    rest = bytes([len(sizes)]) + sizes + b"".join(packets)
    return start + struct.pack("<I", _checksum(start + bytes(4) + rest)) + rest


def _checksum(data: bytes) -> int:
    table, value = _table(), 0
    for byte in data:
        value = value << 8 & 0xFFFFFFFF ^ table[value >> 24 ^ byte]
    return value


@cache
def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 1 << 31 else 0)) & 0xFFFFFFFF
        table.append(value)
    return table
