"""Which container a file is, by its first bytes and never by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from synthesis_worker.probing.reasons import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = 4096
LARGEST_TAG = 16 * 2**20  # an ID3 tag with a picture; what is larger is no picture
LARGEST_KNOWN = 2**31 - 2**16  # writers to a pipe fill in the most that fits
TAIL = 2**16 + 22  # a zip's directory ends within its comment's length of the end
MPEG_HEADER, TAG_HEADER = 4, 10
LAYER_MASK, LAYER_III, NO_VERSION, NO_RATE = 0xFFE60000, 0xFFE20000, 1, 3
ADTS_MASK, ADTS = 0xFFF6, 0xFFF0
PCM = "pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_f64le,pcm_u8,pcm_alaw,pcm_mulaw"


@dataclass(frozen=True, slots=True)
class Container:
    """One container: ffmpeg's demuxer for it, the codecs it may hold, and whether its header
    says how long the sound is."""

    name: str
    demuxer: str
    codecs: str
    says_length: bool = False


WAV = Container("wav", "wav", PCM, says_length=True)
FLAC = Container("flac", "flac", "flac", says_length=True)
MP3 = Container("mp3", "mp3", "mp3float,mp3")
AAC = Container("aac", "aac", "aac")
M4A = Container("m4a", "mov", "aac,alac,mp3float,mp3", says_length=True)
OGG = Container("ogg", "ogg", "vorbis,opus,libopus,flac", says_length=True)
WEBM = Container("webm", "matroska", "opus,libopus,vorbis", says_length=True)

# What people upload by mistake, so that the reason can name it.
STRANGERS: Mapping[bytes, str] = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"%PDF-": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"#!AMR": "an AMR recording",
    b"FORM": "an AIFF recording",
    b"caff": "a CAF recording",
    b"MThd": "a MIDI file",
    b"\x30\x26\xb2\x75": "a Windows Media file",
    b"#EXTM3U": "a playlist",
    b"ffconcat": "a playlist",
    b"[playlist]": "a playlist",
    b"v=0": "a session description",
}


def recognise(file: BinaryIO) -> Container:
    """The container that the bytes are, or a refusal that says what they are instead."""
    size = file.seek(0, 2)
    if not size:
        raise Refused("empty_file")
    head = _read(file, 0, HEAD)
    _refuse_polyglots(head, _read(file, max(0, size - TAIL), TAIL))
    start = _end_of_tag(head)
    if start >= min(size, LARGEST_TAG):
        raise Refused("bad_header", "Its tag claims to be longer than the file.")
    return _by_magic(_read(file, start, HEAD) if start else head, tagged=start > 0)


def promised_bytes(file: BinaryIO, container: Container) -> int:
    """How long a WAV says it is; 0 where it does not know, as when it was written to a pipe."""
    if container is not WAV:
        return 0
    size = int.from_bytes(_read(file, 4, 4), "little")
    return size + 8 if size < LARGEST_KNOWN else 0


def _by_magic(head: bytes, *, tagged: bool) -> Container:
    if head[:4] == b"fLaC":
        return FLAC
    if _is_mpeg_audio(head):
        return MP3
    if _is_adts(head):
        return AAC
    if tagged:
        raise Refused("not_audio")
    return _by_long_magic(head)


def _by_long_magic(head: bytes) -> Container:
    if head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE":
        return WAV
    if head[:4] == b"OggS":
        return OGG
    if head[4:8] == b"ftyp":
        return M4A
    if head[:4] == b"\x1a\x45\xdf\xa3" and b"webm" in head[:64]:
        return WEBM
    raise _stranger(head)


def _stranger(head: bytes) -> Refused:
    for magic, name in STRANGERS.items():
        if head.startswith(magic):
            return Refused("container_unsupported", f"The file is {name}.")
    return Refused("not_audio")


def _is_mpeg_audio(head: bytes) -> bool:
    """A frame header of layer III whose version, bit rate and sample rate exist."""
    word = int.from_bytes(head[:4], "big")
    if len(head) < MPEG_HEADER or word & LAYER_MASK != LAYER_III:
        return False
    version, bit_rate, rate = word >> 19 & 3, word >> 12 & 15, word >> 10 & 3
    return version != NO_VERSION and bit_rate not in {0, 15} and rate != NO_RATE


def _is_adts(head: bytes) -> bool:
    return int.from_bytes(head[:2], "big") & ADTS_MASK == ADTS


def _end_of_tag(head: bytes) -> int:
    """Where the sound begins behind an ID3v2 tag; 0 without one."""
    if head[:3] != b"ID3" or len(head) < TAG_HEADER:
        return 0
    size = 0
    for byte in head[6:TAG_HEADER]:
        size = size << 7 | byte & 0x7F
    return TAG_HEADER + size


def _refuse_polyglots(head: bytes, tail: bytes) -> None:
    """A file that is a sound to one reader and an archive or a document to another."""
    end = tail.rfind(b"PK\x05\x06")
    if end >= 0 and tail[end + 20 :][:2] == (len(tail) - end - 22).to_bytes(
        2, "little", signed=True
    ):
        raise Refused("container_unsupported", "The file is also a zip archive.")
    if b"%PDF-" in head[:1024]:
        raise Refused("container_unsupported", "The file is also a PDF document.")


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(count)
