"""The probe's rules, reasons and magic bytes, without a sound."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from synthesis_worker.probing.containers import recognise
from synthesis_worker.probing.probe import _probed, _progress
from synthesis_worker.probing.reasons import REASONS, Refused, reason, verdict_of
from synthesis_worker.probing.rules import RULES, Rule, reasons_for
from synthesis_worker.probing.sandbox import Ended
from synthesis_worker.probing.verdict import LIMITS, Measures
from synthesis_worker.probing.wave_header import header, is_canonical

ROOT = Path(__file__).parents[2]
GOOD = Measures(
    seconds=12, container="wav", codec="pcm_s16le", sample_rate=48_000, channels=1,
    loudness_lufs=-20, peak_dbfs=-3, clipped_share=0, noise_floor_dbfs=-70, snr_db=45,
    speech_share=0.9, silence_share=0.1, bandwidth_hz=16_000, is_speech=1, one_speaker=1,
)  # fmt: skip


def codes(measures: Measures) -> list[str]:
    return [one.code for one in reasons_for(measures, LIMITS)]


def test_a_good_recording_gets_no_reasons() -> None:
    assert codes(GOOD) == []
    assert verdict_of([]) == "accepted"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_each_rule_speaks_when_its_bound_is_crossed_and_not_before(rule: Rule) -> None:
    bound, away = (rule.above, 0.0005) if math.isinf(rule.below) else (rule.below, -0.0005)
    measured = [{rule.measure: bound + step} for step in (-away, away)]
    inside, outside = (replace(GOOD, **one) for one in measured)  # type: ignore[arg-type]
    assert rule.code in codes(outside)
    assert rule.code not in codes(inside)


def test_only_the_surest_rule_on_a_measure_speaks() -> None:
    assert codes(replace(GOOD, one_speaker=0.01)) == ["several_speakers"]
    assert codes(replace(GOOD, one_speaker=0.3)) == ["maybe_several_speakers"]


def test_of_silence_nothing_else_is_said() -> None:
    assert codes(replace(GOOD, peak_dbfs=-80, is_speech=0, loudness_lufs=None)) == ["silent"]
    assert codes(replace(GOOD, seconds=0.9, snr_db=0)) == ["too_short"]
    assert codes(replace(GOOD, speech_share=0.05)) == ["too_short"]


def test_only_a_sure_reason_rejects() -> None:
    for code, one in REASONS.items():
        assert verdict_of([reason(code)]) == ("rejected" if one.sure else "warned")
    assert verdict_of([reason("noisy"), reason("not_speech")]) == "rejected"
    assert not any(REASONS[code].sure for code in REASONS if code.startswith("maybe_"))


def test_every_reason_is_a_sentence_with_a_tip() -> None:
    for one in REASONS.values():
        for words in (one.message, one.tip):
            assert re.fullmatch(r"[A-Z].*\.", words), one.code


def test_every_reason_is_explained_in_the_documentation() -> None:
    page = (ROOT / "docs/samples.md").read_text(encoding="utf-8")
    section = page.partition("## Reasons")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \|", section, re.MULTILINE)
    assert dict(rows) == {code: "yes" if one.sure else "no" for code, one in REASONS.items()}


def test_what_a_child_says_is_read_as_a_strangers_words(tmp_path: Path) -> None:
    for line in (b"", b"{", b"[]", b"{}", b'{"reasons": [{"code": "made_up", "message": ""}]}',
                 b'{"reasons": [], "measures": {"seconds": "x"}}',
                 b'{"reasons": [], "peaks": [[NaN, 1]]}', b'{"reasons": 4}'):  # fmt: skip
        probed = _probed(Ended(lines=[line]), tmp_path / "none")
        assert [one.code for one in probed.reasons] == ["probe_failed"], line


def test_progress_is_a_number_from_0_to_1_or_none() -> None:
    said = {b"0.5": 0.5, b"7": 1.0, b"-3": 0.0, b"nan": 0.0, b"hello": None, b"\xff": None}
    assert {line: _progress(line) for line in said} == said


def test_only_a_canonical_sound_is_handed_on(tmp_path: Path) -> None:
    good, long, link = (tmp_path / name for name in ("good", "long", "link"))
    good.write_bytes(header(4) + b"abcd")
    long.write_bytes(header(4) + b"abcdef")
    link.symlink_to(good)
    paths = (good, long, link, tmp_path, tmp_path / "none")
    assert [is_canonical(path) for path in paths] == [True, False, False, False, False]


def test_a_child_cannot_soften_a_reason() -> None:
    said = b'{"reasons": [{"code": "not_speech", "message": "fine", "sure": false}]}'
    probed = _probed(Ended(lines=[said]), ROOT / "none")
    assert probed.verdict == "rejected"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"fLaC\x00\x00\x00\x22", "flac"),
        (b"OggS\x00\x02", "ogg"),
        (b"\x00\x00\x00\x20ftypM4A ", "m4a"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "webm"),
        (b"\xff\xfb\x90\x64" + bytes(100), "mp3"),
        (b"\xff\xf1\x50\x80" + bytes(100), "aac"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x02\x00\x00\xff\xfb\x90\x64", "mp3"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00fLaC", "flac"),
    ],
)
def test_a_container_is_known_by_its_first_bytes(head: bytes, name: str) -> None:
    assert recognise(io.BytesIO(head)).name == name


@pytest.mark.parametrize(
    "head",
    [b"RIFF\x00\x00\x00\x00AVI LIST", b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska",
     b"\xff\xff\xff\xff", b"\xff\xfb\xf0\x64", b"\xff\xfb", b"ID3\x04\x00\x00\x00\x00\x00\x00RIFF",
     b"hello", b"\x00\x00\x00\x18moov"],
)  # fmt: skip
def test_what_only_looks_like_a_sound_is_none(head: bytes) -> None:
    with pytest.raises(Refused) as refused:
        recognise(io.BytesIO(head))
    assert refused.value.reason.code == "not_audio"
