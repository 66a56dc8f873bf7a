"""The probe's child can do little harm, whatever a file makes it do."""

from __future__ import annotations

import logging
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthesis_worker.probing import LIMITS, probe
from synthesis_worker.probing.sandbox import BUSY, LONGEST_ANSWER, Ended, run_child
from tests.hostile_audio import atoms
from tests.ledger import eventually
from tests.sound_files import pcm_file, piece, speech

if TYPE_CHECKING:
    import pytest

    from synthesis_worker.probing import Limits

PATIENT = replace(LIMITS, wall_seconds=30)
SHORT = replace(LIMITS, wall_seconds=1.5)


def run_greedy(wish: str, folder: Path, limits: Limits = PATIENT) -> Ended:
    with Path(os.devnull).open("rb") as upload:
        return run_child(("tests.greedy_child", wish), upload, folder, limits, lambda _: None)


def test_no_secret_of_ours_is_in_the_childs_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    names = run_greedy("environment", tmp_path).lines[0].decode().split()
    known = {"PATH", "PYTHONPATH", "LC_ALL", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
    assert set(names) <= known | {"ORT_DISABLE_TELEMETRY"}


def test_a_child_gets_no_more_memory_than_its_limit(tmp_path: Path) -> None:
    assert run_greedy("memory", tmp_path).lines == [b"refused"]


def test_a_child_that_computes_for_ever_is_ended_by_the_kernel(tmp_path: Path) -> None:
    ended = run_greedy("processor", tmp_path)
    assert ended.code == BUSY
    assert 0.3 < ended.cost.cpu_seconds < 3  # the kernel looks at every tick, and counts it whole


def test_a_child_that_sleeps_is_ended_when_its_time_is_up(tmp_path: Path) -> None:
    ended = run_greedy("sleep", tmp_path, SHORT)
    assert ended.late
    assert ended.code == -signal.SIGKILL
    assert 1.5 <= ended.cost.wall_seconds < 15


def test_a_child_cannot_fill_the_disk(tmp_path: Path) -> None:
    written = int(run_greedy("disk", tmp_path).lines[0])
    assert 0 < written == (tmp_path / "big").stat().st_size <= 2**20 + 48_000


def test_once_its_doors_are_closed_a_child_opens_no_file_and_no_socket(tmp_path: Path) -> None:
    assert run_greedy("doors", tmp_path).lines == [b"file refused", b"socket refused"]


def test_a_child_can_neither_read_its_parents_memory_nor_send_it_a_signal(tmp_path: Path) -> None:
    assert run_greedy("parent", tmp_path).lines == [b"memory refused", b"signal refused"]


def test_once_its_doors_are_closed_a_child_takes_nothing_back_and_is_not_root(
    tmp_path: Path,
) -> None:
    assert run_greedy("powers", tmp_path).lines == [b"refused", b"refused", b"nobody"]


def test_what_a_child_starts_ends_with_it(tmp_path: Path) -> None:
    ended = run_greedy("grandchild", tmp_path, SHORT)
    started = [int(line) for line in ended.lines]
    eventually(lambda: not any(_runs(pid) for pid in started))
    assert started or ended.code == 1, "only root may fork past the limit on processes"


def test_a_child_that_talks_without_end_is_not_listened_to(tmp_path: Path) -> None:
    ended = run_greedy("talk", tmp_path)
    assert not ended.late
    assert sum(map(len, ended.lines)) <= LONGEST_ANSWER


def test_a_probe_that_runs_out_of_time_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(pcm_file(piece(speech(), 3)))
    with caplog.at_level(logging.WARNING):
        probed = probe(upload, _folder(tmp_path), limits=replace(LIMITS, wall_seconds=0.01))
    assert [one.code for one in probed.reasons] == ["probe_timeout"]
    assert "probe_timeout" in caplog.text


def test_a_file_that_asks_for_too_much_memory_is_refused_for_it(tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(dict(atoms())["lying-stts.m4a"])
    assert [one.code for one in probe(upload, _folder(tmp_path)).reasons] == ["probe_memory"]


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def _runs(pid: int) -> bool:
    """A process that has ended may wait to be reaped; it runs no more."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in {"Z", "X"}
