"""Every kind of file that people upload is read, and comes out as one canonical sound."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import wave
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from synthesis_worker.audio import decode, loudness, resample
from synthesis_worker.contract import Waveform
from synthesis_worker.probing import LIMITS, probe, to_json
from tests.sound_files import coded_file, pcm_file, piece, speech

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from synthesis_worker.probing import Probed

SECONDS = 5
SOUND = piece(speech(), SECONDS)
WIDE = resample(SOUND, 48_000)
CD = resample(SOUND, 44_100)
NARROW = resample(SOUND, 8_000)

CLEAN: Mapping[str, tuple[Callable[[], bytes], str, str]] = {
    "wav": (lambda: pcm_file(SOUND), "wav", "pcm_s16le"),
    "stereo wav": (lambda: pcm_file(CD, channels=2), "wav", "pcm_s16le"),
    "24-bit wav": (lambda: pcm_file(WIDE, subtype="PCM_24"), "wav", "pcm_s24le"),
    "float wav": (lambda: pcm_file(WIDE, subtype="FLOAT"), "wav", "pcm_f32le"),
    "64-bit float wav": (lambda: pcm_file(WIDE, subtype="DOUBLE"), "wav", "pcm_f64le"),
    "wav of eight channels": (lambda: pcm_file(WIDE, channels=8), "wav", "pcm_s16le"),
    "48 kHz flac": (lambda: pcm_file(WIDE, "FLAC"), "flac", "flac"),
    "mp3": (lambda: coded_file(CD, "mp3", "libmp3lame"), "mp3", "mp3"),
    "mp3 with a tag and a picture": (
        lambda: coded_file(CD, "mp3", "libmp3lame", picture=True),
        "mp3",
        "mp3",
    ),
    "aac": (lambda: coded_file(CD, "adts", "aac"), "aac", "aac"),
    "m4a": (lambda: coded_file(CD, "ipod", "aac"), "m4a", "aac"),
    "m4a with cover art": (lambda: coded_file(CD, "mp4", "aac", picture=True), "m4a", "aac"),
    "ogg vorbis": (lambda: pcm_file(CD, "OGG", "VORBIS"), "ogg", "vorbis"),
    "ogg opus": (lambda: coded_file(WIDE, "ogg", "libopus"), "ogg", "opus"),
    "webm": (lambda: coded_file(WIDE, "webm", "libopus"), "webm", "opus"),
    "webm from a browser": (
        lambda: coded_file(WIDE, "webm", "libopus", streaming=True),
        "webm",
        "opus",
    ),
}


LISTS = (
    "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
    "ffconcat version 1.0\nfile '{}'\n",
    "[playlist]\nFile1={}\nNumberOfEntries=1\n",
    'FILE "{}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={}\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "<MPD><Period><AdaptationSet><BaseURL>{}</BaseURL></AdaptationSet></Period></MPD>",
)


@pytest.fixture
def probed(tmp_path: Path) -> Callable[..., Probed]:
    def run(data: bytes, **more: object) -> Probed:
        number = len(list(tmp_path.iterdir()))
        upload, folder = tmp_path / f"{number}.upload", tmp_path / f"{number}.folder"
        upload.write_bytes(data)
        folder.mkdir()
        return probe(upload, folder, **more)  # type: ignore[arg-type]

    return run


def codes(it: Probed) -> list[str]:
    return [one.code for one in it.reasons]


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_file_of_every_kind_is_accepted(name: str, probed: Callable[..., Probed]) -> None:
    make, container, codec = CLEAN[name]
    it = probed(make())
    assert (it.verdict, codes(it)) == ("accepted", [])
    assert it.measures
    assert (it.measures.container, it.measures.codec) == (container, codec)
    assert it.measures.seconds == pytest.approx(SECONDS, abs=0.1)
    assert it.measures.is_speech > 0.9
    assert it.measures.one_speaker > 0.9


def test_a_browser_writes_webm_without_a_length() -> None:
    data = coded_file(WIDE, "webm", "libopus", streaming=True)
    with av.open(io.BytesIO(data), "r") as opened:
        assert opened.duration is None


def test_a_telephones_wav_is_read_and_called_dull(probed: Callable[..., Probed]) -> None:
    for data in (pcm_file(NARROW), pcm_file(NARROW, subtype="ULAW")):
        it = probed(data)
        assert (it.verdict, codes(it)) == ("warned", ["narrow_band"])
        assert it.measures
        assert it.measures.sample_rate == 8000
        assert it.measures.bandwidth_hz == 4000


@pytest.mark.parametrize("name", ["stereo wav", "mp3", "m4a", "webm from a browser"])
def test_the_canonical_sound_is_mono_16_bits_24_khz_and_the_same_every_time(
    name: str, probed: Callable[..., Probed]
) -> None:
    data = CLEAN[name][0]()
    waves = [it.wave for it in (probed(data), probed(data)) if it.wave]
    with wave.open(str(waves[0]), "rb") as file:
        assert file.getparams()[:3] == (1, 2, 24_000)
        assert file.getnframes() == pytest.approx(SECONDS * 24_000, rel=0.02)
    assert len({hashlib.sha256(one.read_bytes()).digest() for one in waves}) == 1
    assert len(waves) == 2


def test_the_canonical_sound_is_the_sound(probed: Callable[..., Probed]) -> None:
    it = probed(pcm_file(SOUND))
    assert it.wave
    kept = decode(it.wave.read_bytes())
    assert np.abs(kept.samples - SOUND.samples).max() < 2e-4
    assert it.measures
    assert it.measures.loudness_lufs == pytest.approx(loudness(SOUND), abs=0.1)
    assert it.measures.peak_dbfs == pytest.approx(
        20 * np.log10(np.abs(SOUND.samples).max()), abs=0.05
    )


def test_the_picture_of_the_sound_is_small_and_true(probed: Callable[..., Probed]) -> None:
    it = probed(pcm_file(speech()))
    assert 200 <= len(it.peaks) <= 400
    assert all(-1 <= low <= high <= 1 for low, high in it.peaks)
    assert max(high for _, high in it.peaks) == pytest.approx(speech().samples.max(), abs=0.01)
    assert min(low for low, _ in it.peaks) == pytest.approx(speech().samples.min(), abs=0.01)


def test_progress_rises_to_the_end(probed: Callable[..., Probed]) -> None:
    heard: list[float] = []
    probed(coded_file(speech(), "mp3", "libmp3lame"), on_progress=heard.append)
    assert heard == sorted(heard)
    assert len(heard) > 10
    assert heard[-1] == pytest.approx(1, abs=0.02)


def test_an_answer_is_plain_json_and_names_no_path(probed: Callable[..., Probed]) -> None:
    it = probed(pcm_file(SOUND))
    said = json.dumps(to_json(it), allow_nan=False)
    assert set(json.loads(said)) == {"verdict", "reasons", "measures", "peaks", "cost"}
    assert it.wave
    assert str(it.wave.parent) not in said


def test_a_wav_that_was_cut_off_is_kept_and_the_person_told(probed: Callable[..., Probed]) -> None:
    for kind in ("WAV", "FLAC"):
        data = pcm_file(SOUND, kind)
        it = probed(data[: len(data) * 2 // 3])
        assert it.verdict == "warned"
        assert "truncated" in codes(it)
        assert it.wave


def test_a_hole_in_a_file_is_stepped_over_and_told(probed: Callable[..., Probed]) -> None:
    for data in (coded_file(CD, "mp3", "libmp3lame"), coded_file(CD, "adts", "aac")):
        third = len(data) // 3
        it = probed(data[:third] + b"\x55" * 400 + data[third + 400 :])
        assert it.verdict == "warned"
        assert "damaged" in codes(it)
        assert it.measures
        assert it.measures.seconds > 0.9 * SECONDS


def test_numbers_that_are_no_samples_are_left_out_and_told(probed: Callable[..., Probed]) -> None:
    samples = WIDE.samples.copy()
    samples[::48_000] = np.nan
    samples[24_000::48_000] = -np.inf
    it = probed(pcm_file(Waveform(samples, 48_000), subtype="FLOAT"))
    assert codes(it) == ["damaged"]
    assert it.measures
    assert it.measures.bandwidth_hz > 8000


def test_a_file_is_what_its_bytes_are(probed: Callable[..., Probed], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "letter.wav").write_bytes(b"This is a letter. " * 100)
    it = probe(tmp_path / "letter.wav", folder)
    assert (it.verdict, codes(it), it.wave, it.measures) == ("rejected", ["not_audio"], None, None)
    (tmp_path / "sound.txt").write_bytes(pcm_file(SOUND))
    assert probe(tmp_path / "sound.txt", folder).verdict == "accepted"


def test_a_list_of_other_files_opens_none_of_them(
    probed: Callable[..., Probed], tmp_path: Path
) -> None:
    """Not by the name of a file, and not over the network; nor from inside a sound's header."""
    (tmp_path / "secret.wav").write_bytes(pcm_file(SOUND))
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        places = (f"http://127.0.0.1:{trap.getsockname()[1]}/a.wav", f"{tmp_path}/secret.wav")
        lists = [text.format(place).encode() for place in places for text in LISTS]
        for text in lists:
            it = probed(text)
            assert (it.verdict, it.wave) == ("rejected", None)
        assert probed(pcm_file(SOUND)[:44] + b"".join(lists)).verdict == "rejected"
        with pytest.raises(BlockingIOError):
            trap.accept()


def test_a_recording_over_the_limit_is_refused_however_long_its_header_says_it_is(
    probed: Callable[..., Probed],
) -> None:
    short = replace(LIMITS, seconds=3)
    for data in (pcm_file(SOUND), coded_file(SOUND, "adts", "aac")):
        it = probed(data, limits=short)
        assert (it.verdict, codes(it)) == ("rejected", ["too_long"])


def test_too_little_to_learn_from_is_refused(probed: Callable[..., Probed]) -> None:
    assert codes(probed(pcm_file(piece(SOUND, 0.7)))) == ["too_short"]
    padded = Waveform(np.concatenate([piece(SOUND, 0.5).samples, np.zeros(96_000)]), 24_000)
    assert codes(probed(pcm_file(padded))) in (["too_short"], ["not_speech"])
    assert codes(probed(pcm_file(Waveform(np.zeros(96_000, np.float32), 24_000)))) == ["silent"]
