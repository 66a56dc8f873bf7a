"""The supervisor with real processes: what dies comes back, and nothing is left behind."""

import json
import os
import signal
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from fleet.processes import all_processes, is_same, read_process
from tests.integration.supervised import FOREVER, Plan, supervised, until

# A parent whose grandchildren are: in its group, in a session of its own, and with a clean slate.
RUNAWAYS = """
setsid sleep 1000 &
sleep 1000 &
env -i setsid sleep 1000 &
wait
"""
PARENT = ["sh", "-c", RUNAWAYS]
STUBBORN = ["sh", "-c", "trap '' TERM INT; while :; do sleep 0.2; done"]


def is_alive(pid: int) -> bool:
    process = read_process(pid)
    return process is not None and not process.has_ended


def descendants(pid: int) -> list[int]:
    below = [one.pid for one in all_processes() if one.parent == pid and not one.has_ended]
    return below + [further for one in below for further in descendants(one)]


@pytest.mark.slow
def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    with supervised(tmp_path, [[["one", FOREVER, {}], ["other", FOREVER, {}]]]) as runner:
        one, other = runner.pids["one"], runner.pids["other"]
        os.kill(one, signal.SIGKILL)
        assert is_alive(runner.next_pid("one", one))
        assert runner.pids["other"] == other
        assert "one ended (-9); again in 0.2 s" in runner.stop()


@pytest.mark.slow
def test_a_program_that_keeps_dying_is_tried_less_and_less_often(tmp_path: Path) -> None:
    with supervised(
        tmp_path, [[["steady", FOREVER, {}], ["dying", ["sleep", "0.1"], {}]]]
    ) as runner:
        time.sleep(2.5)
        told = [line for line in runner.stop().splitlines() if line.startswith("dying ended")]
    assert [line.split("again in ")[1] for line in told[:3]] == ["0.2 s", "0.4 s", "0.8 s"]
    assert len(told) <= 4


@pytest.mark.slow
def test_grandchildren_of_a_killed_program_die_with_it(tmp_path: Path) -> None:
    with supervised(tmp_path, [[["parent", PARENT, {}]]]) as runner:
        parent = runner.pids["parent"]
        old = until(lambda: found if len(found := descendants(parent)) == 3 else [])
        os.kill(parent, signal.SIGKILL)
        runner.next_pid("parent", parent)
        assert [pid for pid in old if is_alive(pid)] == []


@pytest.mark.slow
def test_a_stop_leaves_no_process_and_no_pid_file(tmp_path: Path) -> None:
    plan: Plan = [[["parent", PARENT, {}], ["stubborn", STUBBORN, {"grace": 0.5}]]]
    with supervised(tmp_path, plan) as runner:
        until(lambda: len(descendants(runner.pids["parent"])) == 3)
        everyone = descendants(runner.process.pid)
        told = runner.stop()
    assert len(everyone) >= 5
    assert [pid for pid in everyone if is_alive(pid)] == []
    assert "stubborn did not stop in time and is killed" in told
    assert runner.process.returncode == 0
    assert not (tmp_path / "pids.json").exists()


@pytest.mark.slow
def test_a_second_signal_does_not_wait_for_the_stubborn(tmp_path: Path) -> None:
    with supervised(tmp_path, [[["stubborn", STUBBORN, {"grace": 60.0}]]]) as runner:
        time.sleep(0.3)  # until its trap is set
        runner.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        began = time.monotonic()
        assert "is killed" in runner.stop(signal.SIGINT)
        assert time.monotonic() - began < 5


def noting(name: str) -> list[str]:
    """A program that writes down its start and, a little late, its end."""
    end = f"sleep 0.2; echo stop {name} >> order; exit"
    return [
        "sh",
        "-c",
        f"trap '{end}' TERM; echo start {name} >> order; while :; do sleep 0.05; done",
    ]


@pytest.mark.slow
def test_tiers_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    plan: Plan = [[[name, noting(name), {}]] for name in ("first", "second", "third")]
    with supervised(tmp_path, plan) as runner:
        order = tmp_path / "order"
        until(lambda: order.exists() and len(order.read_text().splitlines()) == 3)
        runner.stop()
    lines = order.read_text().splitlines()
    assert lines[:3] == ["start first", "start second", "start third"]
    assert lines[3:] == ["stop third", "stop second", "stop first"]


@pytest.mark.slow
def test_programs_go_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, [[["one", FOREVER, {}], ["two", FOREVER, {}]]]) as runner:
        family = [process for pid in runner.pids.values() if (process := read_process(pid))]
        assert len(family) == 2
        runner.process.kill()
        runner.output()
    until(lambda: not [one for one in family if is_same(one)])


@pytest.mark.slow
def test_a_start_that_fails_for_good_says_so_and_stops_the_rest(tmp_path: Path) -> None:
    plan: Plan = [[["first", FOREVER, {}]], [["missing", ["/no/such/program"], {}]]]
    with pytest.raises(AssertionError, match="could not start"), supervised(tmp_path, plan) as _:
        pass
    left = tmp_path / "pids.seen"
    assert not any(is_alive(pid) for pid in json.loads(left.read_text()).values())


def serve(folder: Path) -> list[str]:
    """uvicorn with a tiny application that answers with its own pid."""
    (folder / "tiny.py").write_text(
        "import os\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http': return\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': str(os.getpid()).encode()})\n"
    )
    options = ["--fd", "{fd}", "--loop", "uvloop", "--http", "httptools", "--lifespan", "off"]
    return [sys.executable, "-m", "uvicorn", "tiny:app", *options, "--no-access-log"]


def answer(folder: Path) -> int:
    port = (folder / "port").read_text()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as reply:
        return int(reply.read())


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_connections_wait_while_the_api_restarts(tmp_path: Path, how: signal.Signals) -> None:
    with supervised(tmp_path, [[["api", serve(tmp_path), {}]]]) as runner:
        first = answer(tmp_path)
        assert first == runner.pids["api"]
        os.kill(first, how)
        until(lambda: not is_alive(first))
        answers: list[int] = []
        clients = [
            threading.Thread(target=lambda: answers.append(answer(tmp_path))) for _ in range(20)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join(20)
        assert answers == [runner.pids["api"]] * 20
        assert runner.pids["api"] != first


@pytest.mark.slow
def test_a_hang_up_stops_everything_and_starts_nothing_again(tmp_path: Path) -> None:
    with supervised(tmp_path, [[["one", FOREVER, {}], ["two", FOREVER, {}]]]) as runner:
        seen = dict(runner.pids)
        runner.stop(signal.SIGHUP)
        assert runner.pids == seen
    assert not any(is_alive(pid) for pid in seen.values())


def test_logs_hold_what_a_program_says(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo out; echo err >&2; exec sleep 1000"]
    with supervised(tmp_path, [[["talker", command, {}]]]):
        log = tmp_path / "log" / "talker.log"
        until(lambda: log.exists() and log.read_text() == "out\nerr\n")
