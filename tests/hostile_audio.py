"""Hostile and damaged files, made here byte by byte; each must get a verdict and cost little."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from synthesis_worker.audio import resample
from synthesis_worker.contract import Waveform
from tests.ogg_pages import ogg_file
from tests.sound_files import coded_file, pcm_file, piece, speech

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Named = tuple[str, bytes]
RATE = 24_000
HOURS = 10


def hostile_files() -> Iterator[Named]:
    """(name, bytes) of every file; the same every time."""
    yield from _cut_short()
    yield from _flipped()
    yield from _overwritten()
    yield from _magic_and_noise()
    yield from _mislabelled()
    yield from _polyglots()
    yield from _lying_wavs()
    yield from _strange_wavs()
    yield from _odd_numbers()
    yield from _odd_chunks()
    yield from _lying_flacs()
    yield from _bombs()
    yield from _tags()
    yield from atoms()
    yield from _elements()


@cache
def real_files() -> Mapping[str, bytes]:
    """A real one of each container, three seconds long."""
    sound = piece(speech(), 3)
    wide = resample(sound, 48_000)
    return {
        "wav": pcm_file(sound),
        "flac": pcm_file(sound, "FLAC"),
        "vorbis.ogg": pcm_file(sound, "OGG", "VORBIS"),
        "mp3": coded_file(sound, "mp3", "libmp3lame"),
        "aac": coded_file(sound, "adts", "aac"),
        "m4a": coded_file(sound, "ipod", "aac"),
        "opus.ogg": coded_file(wide, "ogg", "libopus"),
        "webm": coded_file(wide, "webm", "libopus", streaming=True),
    }


def _cut_short() -> Iterator[Named]:
    for name, data in real_files().items():
        for place in (1, 4, 16, 43, 100, len(data) // 3, len(data) // 2, len(data) - 7):
            yield f"cut-at-{place}.{name}", data[:place]


def _flipped() -> Iterator[Named]:
    """A few bits in the header, or one byte in every 200, or in every 20."""
    for name, data in real_files().items():
        for seed, (end, every) in enumerate(
            ((64, 16), (512, 64), (len(data), 200), (len(data), 20))
        ):
            yield f"flipped-{seed}.{name}", _flip(data, end, every, seed)


def _flip(data: bytes, end: int, every: int, seed: int) -> bytes:
    chance, bad = random.Random(seed), bytearray(data)
    for _ in range(max(1, end // every)):
        bad[chance.randrange(min(end, len(bad)))] ^= 1 << chance.randrange(8)
    return bytes(bad)


def _overwritten() -> Iterator[Named]:
    for name, data in real_files().items():
        third = len(data) // 3
        yield f"hole.{name}", data[:third] + bytes(third) + data[2 * third :]
        yield f"noise-inside.{name}", data[:third] + _noise(third) + data[2 * third :]
        yield f"twice.{name}", data + data
        yield f"headless.{name}", data[200:]


def _magic_and_noise() -> Iterator[Named]:
    for name, data in real_files().items():
        for kept in (12, 64):
            yield f"magic-{kept}.{name}", data[:kept] + _noise(60_000)


def _noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def _mislabelled() -> Iterator[Named]:
    yield "empty.wav", b""
    yield "one-byte.mp3", b"\xff"
    yield "text.wav", b"This is a letter, not a song.\n" * 100
    yield "page.mp3", b"<!doctype html><script>alert(1)</script>" * 50
    yield "zeros.flac", bytes(100_000)
    yield "ones.aac", b"\xff" * 100_000
    yield "noise.m4a", _noise(100_000)
    yield "archive.wav", _zip()
    yield "archive.gz.mp3", gzip.compress(_noise(1000))
    yield "nested-archive.ogg", gzip.compress(gzip.compress(bytes(10**7)))
    yield "document.m4a", b"%PDF-1.7\n" + _noise(2000)
    yield "program.flac", b"\x7fELF\x02\x01\x01" + _noise(2000)
    yield "picture.webm", b"\x89PNG\r\n\x1a\n" + _noise(2000)
    yield "film.avi.wav", b"RIFF\x00\x10\x00\x00AVI LIST" + _noise(4000)
    yield "video-only.webm", _video("webm", "libvpx")
    yield "video-only.m4a", _video("mp4", "mpeg4")
    yield "song.mid.mp3", b"MThd\x00\x00\x00\x06\x00\x01\x00\x02\x01\xe0" + _noise(500)
    yield "phone.amr.mp3", b"#!AMR\n" + _noise(500)
    yield "other.aiff.wav", pcm_file(piece(speech(), 1), "AIFF")
    yield "other.caf.wav", pcm_file(piece(speech(), 1), "CAF")
    yield "other.au.wav", pcm_file(piece(speech(), 1), "AU")
    yield "other.w64.wav", pcm_file(piece(speech(), 1), "W64")
    yield "playlist.m3u8", b"#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    yield "list.ffconcat", b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield "stream.sdp", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n"
    yield "cue.cue", b'FILE "/etc/passwd" WAVE\nTRACK 01 AUDIO\n'


def _video(container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for shade in range(10):
            picture = np.full((64, 64, 3), 20 * shade, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return file.getvalue()


def _zip(*, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inside.txt", "hello" * 100)
        archive.comment = comment
    return file.getvalue()


def _polyglots() -> Iterator[Named]:
    for name, data in real_files().items():
        yield f"also-a-zip.{name}", data + _zip(comment=b"and a sound")
    yield "zip-first.wav", _zip() + real_files()["wav"]
    yield "also-a-document.wav", _wav(chunks=_chunk(b"LIST", b"%PDF-1.4 1 0 obj"))


@dataclass(frozen=True)
class Wav:
    """A WAV whose header says what it is told to."""

    tag: int = 1
    channels: int = 1
    rate: int = RATE
    align: int = 2
    bits: int = 16
    data: bytes | None = None
    data_size: int | None = None
    riff_size: int | None = None
    chunks: bytes = b""
    magic: bytes = b"RIFF"
    extra: bytes = b""

    def __bytes__(self) -> bytes:
        sound = real_files()["wav"][44:] if self.data is None else self.data
        said = len(sound) if self.data_size is None else self.data_size
        pace = min(self.rate * self.align, 2**32 - 1)
        shape = (self.tag, self.channels, self.rate, pace, self.align, self.bits)
        body = _chunk(b"fmt ", struct.pack("<HHIIHH", *shape) + self.extra) + self.chunks
        body += b"data" + struct.pack("<I", said) + sound
        size = 4 + len(body) if self.riff_size is None else self.riff_size
        return self.magic + struct.pack("<I", size) + b"WAVE" + body


def _wav(**said: Any) -> bytes:
    return bytes(Wav(**said))


def _chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(data) if size is None else size) + data


def _lying_wavs() -> Iterator[Named]:
    largest = 2**32 - 1
    for size in (0, 1, 10**6, 2**31, largest - 1, largest):
        yield f"data-size-{size}.wav", _wav(data_size=size)
        yield f"riff-size-{size}.wav", _wav(riff_size=size)
    ds64 = _chunk(b"ds64", struct.pack("<QQQI", 2**60, 2**60, 2**60, 0))
    yield "rf64-exabyte.wav", _wav(magic=b"RF64", riff_size=largest, data_size=largest, chunks=ds64)
    yield "rf64-without-ds64.wav", _wav(magic=b"RF64", riff_size=largest, data_size=largest)
    yield "big-endian.wav", _wav(magic=b"RIFX")


def _strange_wavs() -> Iterator[Named]:
    for channels in (0, 9, 96, 65_535):
        yield f"{channels}-channels.wav", _wav(channels=channels, align=min(2 * channels, 65_535))
    for rate in (0, 1, 7_999, 192_001, 10_000_000, 2**31, 2**32 - 1):
        yield f"{rate}-hertz.wav", _wav(rate=rate)
    for bits in (0, 1, 3, 12, 33, 64, 65_535):
        yield f"{bits}-bits.wav", _wav(bits=bits)
    for align in (0, 1, 3, 65_535):
        yield f"align-{align}.wav", _wav(align=align)
    for tag in (0, 2, 0x11, 0x31, 0x55, 0xFF, 0x161, 0xFFFE, 0xFFFF):
        yield f"codec-{tag}.wav", _wav(tag=tag, extra=struct.pack("<H", 0))
    yield "odd-guid.wav", _wav(tag=0xFFFE, extra=struct.pack("<HHI", 22, 16, 4) + _noise(16))


def _odd_numbers() -> Iterator[Named]:
    speaking = speech().samples[: 3 * RATE]
    for kind, bits, tag in (("<f4", 32, 3), ("<f8", 64, 3)):
        width = bits // 8
        for name, value in (
            ("nan", np.nan),
            ("inf", np.inf),
            ("minus-inf", -np.inf),
            ("huge", 3e38),
        ):
            mixed = speaking.astype(kind)
            mixed[::7] = value
            whole = np.full(RATE * 3, value, kind)
            yield (
                f"some-{name}-{bits}.wav",
                _wav(tag=tag, align=width, bits=bits, data=mixed.tobytes()),
            )
            yield (
                f"all-{name}-{bits}.wav",
                _wav(tag=tag, align=width, bits=bits, data=whole.tobytes()),
            )
    tiny = np.full(RATE * 3, 1e-310, "<f8")
    yield "denormal.wav", _wav(tag=3, align=8, bits=64, data=tiny.tobytes())
    yield (
        "astronomic.wav",
        _wav(tag=3, align=8, bits=64, data=np.full(RATE, 1e300, "<f8").tobytes()),
    )


def _odd_chunks() -> Iterator[Named]:
    yield "no-sound.wav", _wav(data=b"")
    yield "half-a-sample.wav", _wav(data=b"\x01")
    yield "one-sample.wav", _wav(data=b"\x01\x02")
    yield "silence.wav", _wav(data=bytes(6 * RATE))
    yield "direct-current.wav", _wav(data=b"\xff\x7f" * RATE * 3)
    yield "square.wav", _wav(data=(b"\xff\x7f" * 50 + b"\x00\x80" * 50) * 700)
    yield "no-format.wav", b"RIFF\xff\x00\x00\x00WAVE" + _chunk(b"data", bytes(1000))
    yield "no-data.wav", _wav(data=b"")[:-8]
    yield "lying-list.wav", _wav(chunks=_chunk(b"LIST", b"INFO", size=2**32 - 1))
    yield "many-chunks.wav", _wav(chunks=_chunk(b"junk", b"") * 200_000)
    yield "two-formats.wav", _wav(chunks=_chunk(b"fmt ", struct.pack("<HHIIHH", 1, 96, 1, 1, 1, 1)))


def _lying_flacs() -> Iterator[Named]:
    data = real_files()["flac"]
    for name, rate, channels, total in (
        ("10-hours", RATE, 1, HOURS * 3600 * RATE),
        ("endless", RATE, 1, 2**36 - 1),
        ("0-hertz", 0, 1, 0),
        ("1-hertz", 1, 1, 0),
        ("655350-hertz", 655_350, 1, 0),
        ("8-channels", RATE, 8, 0),
    ):
        packed = rate << 44 | (channels - 1) << 41 | 15 << 36 | total
        yield f"says-{name}.flac", data[:18] + packed.to_bytes(8, "big") + data[26:]
    yield "long-block.flac", data[:4] + b"\x04\xff\xff\xff" + data[8:]
    yield "endless-blocks.flac", data[:42] + b"\x01\x00\x00\x00" * 100_000


def _bombs() -> Iterator[Named]:
    """Small files of endless silence, each with honest frames."""
    yield "hours.flac", _repeated_flac(1)
    yield "eight-channels.flac", _repeated_flac(8)
    frame = b"\xff\xe3\x18\xc4" + bytes(68)  # 8 kHz, 8 kbit/s: 72 ms in 72 bytes
    yield "hour.mp3", frame * 40_000
    yield (
        "says-hours.mp3",
        b"\xff\xe3\x18\xc4"
        + bytes(9)
        + b"Xing\x00\x00\x00\x03"
        + b"\x7f\xff\xff\xff" * 2
        + frame * 50,
    )
    yield "hours.opus.ogg", ogg_file(b"\xfb\x06", 5760, HOURS * 3600)  # six empty frames
    yield "hours-of-nothing.opus.ogg", ogg_file(b"\xff\x03\x00\x00", 2880, HOURS * 3600)
    yield "zeros.wav", _wav(data=bytes(30 * 2**20))
    yield "wide-zeros.wav", _wav(channels=8, align=16, rate=192_000, data=bytes(30 * 2**20))
    yield "too-large.wav", _wav(data=bytes(33 * 2**20))


def _repeated_flac(channels: int) -> bytes:
    """The first frame of silence over and over: its number is wrong, its checksums are right."""
    silent = pcm_file(Waveform(np.zeros(3 * 4096, np.float32), 48_000), "FLAC", channels=channels)
    start = silent.index(b"\xff\xf8")
    frame = silent[start : silent.index(b"\xff\xf8", start + 2)]
    return silent[:start] + frame * (533 * 1024 // len(frame))


def _tags() -> Iterator[Named]:
    sound = real_files()["mp3"]
    music = sound[sound.index(b"\xff\xf3") if b"\xff\xf3" in sound else 0 :]
    yield "tag-256-mib.mp3", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + music
    yield "tag-beyond.mp3", b"ID3\x04\x00\x00\x00\x7f\x7f\x7f" + music
    yield "tag-5-mib.mp3", _tag(b"APIC", bytes(5 * 2**20)) + music
    yield "many-frames.mp3", _tag(b"TXXX", b"\x03x\x00y" * 2, times=20_000) + music
    yield "many-tags.mp3", _tag(b"TIT2", b"\x03a") * 2000 + music
    yield "tag-in-tag.mp3", _tag(b"APIC", _tag(b"APIC", _tag(b"APIC", b"x"))) + music
    yield "tag-alone.mp3", _tag(b"TIT2", b"\x03a")
    yield "tag-lies-inside.mp3", _tag(b"APIC", b"x", claims=0x7F7F7F7F) + music
    yield "tagged.wav", _tag(b"TIT2", b"\x03a") + real_files()["wav"]
    yield "tagged-text.mp3", _tag(b"TIT2", b"\x03a") + b"hello " * 1000


def _tag(name: bytes, data: bytes, *, times: int = 1, claims: int | None = None) -> bytes:
    size = _syncsafe(len(data)) if claims is None else struct.pack(">I", claims)
    frames = (name + size + b"\x00\x00" + data) * times
    return b"ID3\x04\x00\x00" + _syncsafe(len(frames)) + frames


def _syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def atoms() -> Iterator[Named]:
    data = real_files()["m4a"]
    start = data[: int.from_bytes(data[:4], "big")]
    nested = b""
    for _ in range(20_000):
        nested = (
            struct.pack(">I", len(nested) + 8) + b"moov" + nested if len(nested) < 10**5 else nested
        )
    yield "nested.m4a", start + nested
    yield "size-0.m4a", start + b"\x00\x00\x00\x00moov" * 1000
    yield "size-1.m4a", start + b"\x00\x00\x00\x01moov" + b"\xff" * 8 + data[len(start) :]
    yield "huge-moov.m4a", start + b"\xff\xff\xff\xffmoov" + data[len(start) :]
    for table in (b"stsz", b"stts", b"stsc", b"stco", b"mdhd", b"stsd", b"esds"):
        place = data.index(table) + 8
        bad = data[:place] + b"\x7f\xff\xff\xff" * 3 + data[place + 12 :]
        yield f"lying-{table.decode()}.m4a", bad
    place = data.index(b"dref") + 12
    yield (
        "elsewhere.m4a",
        data[:place] + b"\x00\x00\x00\x0calis\x00\x00\x00\x00" + data[place + 12 :],
    )


def _elements() -> Iterator[Named]:
    data = real_files()["webm"]
    rate = data.index(b"\xb5", 100)
    for name, value in (
        ("nan", np.nan),
        ("inf", np.inf),
        ("1e300", 1e300),
        ("1", 1.0),
        ("minus", -1.0),
    ):
        yield f"rate-{name}.webm", data[: rate + 2] + struct.pack(">d", value) + data[rate + 10 :]
    yield "deep.webm", data[:40] + b"\xae\x01\xff\xff\xff\xff\xff\xff\xff" * 10_000
    yield "void.webm", data[:60] + b"\xec\x01\xff\xff\xff\xff\xff\xff\xff" + data[60:]
