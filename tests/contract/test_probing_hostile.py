"""Hundreds of hostile and damaged files: a verdict for each, little time, little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.environment import child_environment
from tests.hostile_audio import hostile_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS, MEBIBYTES = 3.0, 300
TOGETHER = 2

# What some of them must be refused for; of the rest any verdict will do.
EXPECTED = {
    "empty.wav": "empty_file",
    "text.wav": "not_audio",
    "archive.wav": "container_unsupported",
    "document.m4a": "container_unsupported",
    "playlist.m3u8": "container_unsupported",
    "list.ffconcat": "container_unsupported",
    "stream.sdp": "container_unsupported",
    "zip-first.wav": "container_unsupported",
    "also-a-zip.wav": "container_unsupported",
    "also-a-zip.mp3": "container_unsupported",
    "also-a-document.wav": "container_unsupported",
    "video-only.webm": "no_sound",
    "video-only.m4a": "no_sound",
    "96-channels.wav": "bad_header",
    "1-hertz.wav": "bad_header",
    "10000000-hertz.wav": "bad_header",
    "codec-85.wav": "codec_unsupported",
    "says-10-hours.flac": "too_long",
    "hours.flac": "too_large_decoded",
    "eight-channels.flac": "too_large_decoded",
    "hours.opus.ogg": "too_long",
    "too-large.wav": "file_too_large",
    "tag-256-mib.mp3": "bad_header",
    "silence.wav": "silent",
    "all-nan-32.wav": "silent",
    "one-sample.wav": "too_short",
}

Answers = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("hostile")
    paths = [_write(folder, name, data) for name, data in hostile_files()]
    shares = [_start(paths[share::TOGETHER]) for share in range(TOGETHER)]
    said = [line for share in shares for line in share.communicate()[0].splitlines()]
    return {one["name"]: one for one in map(json.loads, said)}


def _write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    assert not path.exists(), f"two files are called {name}"
    path.write_bytes(data)
    return path


def _start(paths: Sequence[Path]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.probe_many", *map(str, paths)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=child_environment())


def _codes(answer: Mapping[str, Any]) -> list[str]:
    return [reason["code"] for reason in answer["reasons"]]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_hostile_file_gets_a_verdict_and_none_breaks_the_probe(answers: Answers) -> None:
    assert len(answers) == sum(1 for _ in hostile_files()) >= 200
    broken = {name for name, one in answers.items() if "probe_failed" in _codes(one)}
    slow = {name for name, one in answers.items() if "probe_timeout" in _codes(one)}
    assert (broken, slow) == (set(), set())
    print(Counter(one["verdict"] for one in answers.values()))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_hostile_file_costs_three_seconds_or_300_mebibytes(answers: Answers) -> None:
    costs = {name: one["cost"] for name, one in answers.items()}
    slowest = max(costs, key=lambda name: costs[name]["cpu_seconds"])
    largest = max(costs, key=lambda name: costs[name]["peak_mib"])
    print(slowest, costs[slowest], largest, costs[largest])
    assert costs[slowest]["cpu_seconds"] < SECONDS, slowest
    assert costs[largest]["peak_mib"] < MEBIBYTES, largest


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_reason_is_the_right_one(answers: Answers) -> None:
    last = {name: _codes(answers[name])[-1:] for name in EXPECTED}
    assert last == {name: [code] for name, code in EXPECTED.items()}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_was_refused_unread_leaves_no_measures(answers: Answers) -> None:
    for name, one in answers.items():
        assert bool(one["measures"]) == bool(one["peaks"]), name
        assert one["measures"] or one["verdict"] == "rejected", name
