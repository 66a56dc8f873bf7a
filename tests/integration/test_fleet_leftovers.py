"""Clearing away what a crash left: our own processes, and never a stranger."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleet import processes
from fleet.processes import boot_id, read_process, record, sweep
from tests.integration.supervised import FOREVER

MARK = "FLEET_TEST_MARK=/some/where"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left here never ends by itself: do not wait for it."""
    monkeypatch.setattr(processes, "PATIENCE", 0.5)


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(**environment: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(FOREVER, env={**os.environ, **environment}))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def test_what_was_written_down_is_killed(tmp_path: Path, start: Start) -> None:
    left, stranger = start(), start()
    record(tmp_path / "pids.json", {"one": left.pid})
    assert [one.pid for one in sweep(tmp_path / "pids.json", MARK)] == [left.pid]
    assert left.wait(5) == -9
    assert stranger.poll() is None


def written_down(path: Path, *, boot: str, pid: int, started: int) -> Path:
    path.write_text(json.dumps({"boot": boot, "processes": {"one": [pid, started]}}))
    return path


def started_at(pid: int) -> int:
    process = read_process(pid)
    assert process
    return process.started


def test_a_stranger_with_a_reused_number_lives(tmp_path: Path, start: Start) -> None:
    stranger = start()
    earlier = started_at(stranger.pid) - 1
    path = written_down(tmp_path / "p", boot=boot_id(), pid=stranger.pid, started=earlier)
    assert sweep(path, MARK) == []
    assert stranger.poll() is None


def test_a_number_from_before_a_reboot_means_nobody(tmp_path: Path, start: Start) -> None:
    stranger = start()
    same = started_at(stranger.pid)
    path = written_down(tmp_path / "p", boot="another", pid=stranger.pid, started=same)
    assert sweep(path, MARK) == []
    assert stranger.poll() is None


def test_runaways_are_known_by_their_mark(tmp_path: Path, start: Start) -> None:
    runaway = start(FLEET_TEST_MARK="/some/where")
    neighbour = start(FLEET_TEST_MARK="/some/where/else")
    assert [one.pid for one in sweep(tmp_path / "none", MARK)] == [runaway.pid]
    assert runaway.wait(5) == -9
    assert neighbour.poll() is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"processes": {}}', '{"boot": 1}'])
def test_a_damaged_list_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "pids.json").write_text(content)
    assert sweep(tmp_path / "pids.json", MARK) == []


def test_what_ends_by_itself_is_not_killed(tmp_path: Path) -> None:
    process = subprocess.Popen([*FOREVER[:1], "0.2"])
    record(tmp_path / "pids.json", {"brief": process.pid})
    assert sweep(tmp_path / "pids.json", MARK) == []
    assert process.wait(5) == 0
