"""`make run` and `make say`: the real fleet around a stand-in for the product."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleet.places import socket_folder
from fleet.processes import read_process
from tests.integration.clones import NAMES, embedded, of_fleet
from tests.integration.stand_in import make_stand_in
from tests.integration.supervised import until

pytestmark = pytest.mark.slow


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    root = make_stand_in(tmp_path / "a clone")
    yield root
    assert of_fleet(root) == []
    shutil.rmtree(socket_folder(root), ignore_errors=True)


def call(root: Path, module: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=root,
        env={**os.environ, "VOICEMILL_STARTED": str(time.time()), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def children(root: Path) -> set[int]:
    """Whose the processes named in embedded.json are, once all of them are named."""
    pids = embedded(root)["pids"]
    alive = [found for pid in pids.values() if (found := read_process(pid))]
    return {one.parent for one in alive} if set(pids) == NAMES else set()


@contextmanager
def running(root: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    with call(root, "fleet.run", **environment) as process:
        try:
            until(lambda: children(root) == {process.pid} or process.poll() is not None, 30)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(30)


def say(root: Path, **wish: str) -> tuple[int, str]:
    process = call(root, "fleet.say", **wish)
    output = process.communicate(timeout=60)[0]
    return process.returncode, output


def test_it_speaks_says_where_it_is_and_leaves_nothing(clone: Path) -> None:
    with running(clone) as process:
        until((clone / "var" / "first-sentence.wav").exists)
        found = embedded(clone)
        for name in ("embedded.json", "secret_key"):
            assert stat.S_IMODE((clone / "var" / name).stat().st_mode) == 0o600
        assert len(of_fleet(clone)) >= len(NAMES)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=30)[0]
    assert process.returncode == 0
    assert of_fleet(clone) == []
    assert "first sound after" in told
    assert found["url"] in told
    assert f"{found['url']}/api/docs" in told
    assert found["admin_url"] == f"{found['url']}/admin/"
    assert embedded(clone)["pids"] == {}


def test_a_second_start_keeps_keys_and_secret(clone: Path) -> None:
    with running(clone):
        first = embedded(clone)
    secret = (clone / "var" / "secret_key").read_text()
    with running(clone):
        second = embedded(clone)
    assert secret == (clone / "var" / "secret_key").read_text()
    for name in ("api_key", "admin_password", "tenant", "admin_user"):
        assert first[name] == second[name]
    assert not set(first["pids"].values()) & set(second["pids"].values())


def test_keys_are_on_no_command_line_and_only_bootstrap_is_told_them(clone: Path) -> None:
    with running(clone):
        first = embedded(clone)
    with running(clone):
        second = embedded(clone)
        parts = ("cmdline", "environ")
        seen = [shown(pid, part) for pid in second["pids"].values() for part in parts]
    lines = (clone / "var" / "command_lines").read_text().splitlines()
    assert lines == ["manage.py bootstrap"] * 2
    for name in ("api_key", "admin_password"):
        assert first[name] == second[name]
        assert not [text for text in seen if first[name] in text]


def shown(pid: int, part: str) -> str:
    return Path(f"/proc/{pid}/{part}").read_text(errors="replace")


def test_a_second_fleet_in_the_same_clone_is_told_so(clone: Path) -> None:
    with running(clone) as first:
        process = call(clone, "fleet.run")
        told = process.communicate(timeout=30)[0]
        assert process.returncode == 1
        assert f"already runs at {embedded(clone)['url']} (pid {first.pid})" in told
        assert set(embedded(clone)["pids"]) == NAMES


def test_pids_are_those_of_now(clone: Path) -> None:
    with running(clone):
        before = embedded(clone)["pids"]
        for name in ("api", "postgres", "cpu"):
            os.kill(before[name], signal.SIGKILL)
        until(lambda: changed(before, embedded(clone)["pids"]) == {"api", "postgres", "cpu"}, 20)
        assert say(clone, TEXT="still here")[0] == 0


def changed(before: dict[str, int], now: dict[str, int]) -> set[str]:
    return {name for name in NAMES if now.get(name, before[name]) != before[name]}


def test_a_start_after_kill_9_clears_away_what_was_left(clone: Path) -> None:
    with running(clone, STUBBORN="1") as first:
        until((clone / "var" / "stubborn").exists)
        left = embedded(clone)["pids"]["dispatcher"]
        first.kill()
        first.wait()
    assert left in of_fleet(clone)
    with running(clone) as second:
        assert say(clone, TEXT="again")[0] == 0
        assert left not in of_fleet(clone)
        second.send_signal(signal.SIGINT)
        assert f"(pid {left}), left by an earlier run" in second.communicate(timeout=30)[0]


def test_saying_uses_the_running_fleet(clone: Path) -> None:
    with running(clone):
        before = embedded(clone)
        code, told = say(clone, TEXT="""it's "slow" \u00e9 $HOME""", OUT="out.wav")
        assert (code, embedded(clone)) == (0, before)
    assert "queued 50%" in told
    assert "succeeded" in told
    assert "out.wav: 1.00 s of audio, 32,044 bytes" in told
    assert (clone / "out.wav").stat().st_size == 32_044


def test_saying_tries_again_when_asked_to(clone: Path) -> None:
    with running(clone):
        code, told = say(clone, TEXT="a busy moment")
    assert code == 0, told


def test_saying_waits_for_a_fleet_that_still_starts(clone: Path) -> None:
    starting = call(clone, "fleet.run")
    until(
        lambda: (clone / "var" / "fleet.lock").exists() and (clone / "var" / "pids.json").exists()
    )
    assert say(clone, TEXT="early")[0] == 0
    starting.send_signal(signal.SIGTERM)
    assert "already" not in starting.communicate(timeout=30)[0]


def test_saying_without_a_fleet_starts_and_stops_its_own(clone: Path) -> None:
    code, told = say(clone, TEXT="alone")
    assert code == 0, told
    assert "starting a fleet" in told
    assert (clone / "var" / "say.wav").exists()
    assert of_fleet(clone) == []


@pytest.mark.parametrize(
    ("wish", "word"),
    [
        ({"TEXT": "please break"}, "it broke [engine_failed]"),
        ({"TEXT": "hello", "VOICE": "nobody"}, "there is no voice nobody [unknown_voice]"),
        ({"TEXT": ""}, "nothing to say"),
    ],
)
def test_what_cannot_be_said_is_told_kindly(clone: Path, wish: dict[str, str], word: str) -> None:
    with running(clone):
        code, told = say(clone, **wish)
    assert code == 1
    assert word in told
    assert "Traceback" not in told


def test_the_port_can_be_chosen_and_must_be_free(clone: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = call(clone, "fleet.run", PORT=port)
        assert f"port {port} is in use" in process.communicate(timeout=20)[0]
    with running(clone, PORT=port):
        assert embedded(clone)["url"] == f"http://127.0.0.1:{port}"


def test_a_bootstrap_that_fails_says_why_and_leaves_nothing(clone: Path) -> None:
    (clone / "manage.py").write_text("raise SystemExit('no such table')\n")
    process = call(clone, "fleet.run")
    told = process.communicate(timeout=30)[0]
    assert process.returncode == 1
    assert "no such table" in told
    assert of_fleet(clone) == []
