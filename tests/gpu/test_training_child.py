"""A training child is listened to, watched and ended by its worker, and dies with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gpu_worker.training import child as room
from gpu_worker.training.child import Child, Limits
from gpu_worker.training.telling import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Callable

ROOMY = Limits(memory=2**30, seconds=60, disk=2**20)
TELL = "import sys, json, time, os\ndef tell(**e): print(json.dumps(e), flush=True)\n"
FOR_EVER = "tell(event='step', step=1)\nwhile True: time.sleep(0.1)\n"


def child(tmp_path: Path, program: str, limits: Limits = ROOMY) -> Child:
    work = tmp_path / "work"
    work.mkdir()
    task = tmp_path / "task.json"
    task.write_text(json.dumps({"work": str(work)}))
    return Child([sys.executable, "-c", TELL + program], task, limits)


def told(one: Child) -> list[Any]:
    with one:
        return [event for event in one.events() if event]


def is_there(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(fact: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_it_tells_is_heard_and_what_it_prints_is_not(tmp_path: Path) -> None:
    program = "print('hello')\nprint('[1]')\ntell(event='step', step=1)\ntell(event='done', step=1)"
    events = told(child(tmp_path, program))
    assert events == [{"event": "step", "step": 1}, {"event": "done", "step": 1}]


def test_silence_gives_a_pulse_twice_a_second(tmp_path: Path) -> None:
    with child(tmp_path, FOR_EVER) as one:
        events = one.events()
        while next(events) is None:
            pass
        started = time.monotonic()
        assert next(events) is None
        assert next(events) is None
        assert time.monotonic() - started < 5


def test_stop_is_a_wish_that_the_child_answers(tmp_path: Path) -> None:
    program = (
        "import signal, threading\nasked = threading.Event()\n"
        "signal.signal(signal.SIGTERM, lambda *_: asked.set())\n"
        "tell(event='step', step=1)\nasked.wait()\ntell(event='stopped', step=1)"
    )
    with child(tmp_path, program) as one:
        heard = []
        for event in one.events():
            heard += [event["event"]] if event else []
            if event and event["event"] == "step":
                one.stop()
    assert heard == ["step", "stopped"]


@pytest.mark.parametrize(
    ("ending", "left"),
    [("os.kill(os.getpid(), 9)", "-9"), ("raise SystemExit(3)", "3"), ("", "0")],
)
def test_a_death_without_a_last_word_may_be_tried_again_and_its_log_has_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str, left: str
) -> None:
    program = (
        f"tell(event='step', step=4)\nprint('the reason', file=sys.stderr, flush=True)\n{ending}"
    )
    with pytest.raises(TrainingFailed) as died:
        told(child(tmp_path, program))
    assert (died.value.code, died.value.permanent) == ("training_crashed", False)
    assert "the reason" not in died.value.message
    assert f"ended with {left} after" in caplog.text
    assert "the reason" in caplog.text


@pytest.mark.parametrize(
    ("program", "limits", "code", "permanent"),
    [
        ("held = b'x' * 300_000_000\n", Limits(200_000_000, 60, 2**20), "training_no_memory", True),
        (
            "import subprocess\nheld = 'held = bytearray(b\"x\" * 300_000_000); input()'\n"
            "subprocess.Popen([sys.executable, '-c', held], stdin=subprocess.PIPE)\n",
            Limits(200_000_000, 60, 2**20),
            "training_no_memory",
            True,
        ),
        ("", Limits(2**30, 0.1, 2**20), "training_too_long", True),
        (
            "open('leftover', 'wb').write(b'x' * 3000)\n",
            Limits(2**30, 60, 2000),
            "disk_full",
            False,
        ),
    ],
    ids=["memory", "memory of what it started", "time", "disk"],
)
def test_a_child_over_its_limits_is_ended(
    tmp_path: Path, program: str, limits: Limits, code: str, permanent: bool
) -> None:
    one = child(tmp_path, program + FOR_EVER, limits)
    with pytest.raises(TrainingFailed) as died:
        told(one)
    assert (died.value.code, died.value.permanent) == (code, permanent)
    assert not is_there(one._process.pid)


def test_leaving_it_ends_it_and_what_it_has_started(tmp_path: Path) -> None:
    program = "import subprocess\nother = subprocess.Popen(['sleep', '600'])\n"
    program += "tell(event='step', step=other.pid)\nwhile True: time.sleep(1)\n"
    with child(tmp_path, program) as one:
        other = next(event["step"] for event in one.events() if event)
        assert is_there(other)
    assert not is_there(one._process.pid)
    wait_for(lambda: not is_there(other))


def test_what_it_left_behind_does_not_keep_its_worker_waiting(tmp_path: Path) -> None:
    """A process of its own that outlives it and holds its pipe."""
    program = "import subprocess\nother = subprocess.Popen(['sleep', '600'])\n"
    with pytest.raises(TrainingFailed, match="without a word"):
        told(child(tmp_path, program + "tell(event='step', step=1)"))


def test_a_child_that_does_not_leave_after_its_last_word_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "TO_LEAVE", 0.3)
    one = child(tmp_path, "tell(event='done', step=1)\n" + FOR_EVER)
    assert told(one) == [{"event": "done", "step": 1}]
    assert not is_there(one._process.pid)


def test_its_log_does_not_grow_and_has_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "LONGEST_LOG", 100_000)
    program = "for n in range(20_000): print('line', n, 'of many', file=sys.stderr)\n"
    with pytest.raises(TrainingFailed):
        told(child(tmp_path, program))
    logs = list(tmp_path.glob("stderr.log*"))
    assert len(logs) == 2
    assert sum(log.stat().st_size for log in logs) <= 200_000
    assert "line 19999 of many" in caplog.text


def test_a_child_knows_no_secret_and_writes_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    program = "tell(event='done', known=dict(os.environ), here=os.getcwd())"
    [done] = told(child(tmp_path, program))
    home = str(tmp_path / "work" / "home")
    assert "do not tell" not in done["known"].values()
    assert (done["here"], done["known"]["HOME"], done["known"]["TMPDIR"]) == (home, home, home)
    assert not Path(home).exists()


@pytest.mark.slow
def test_a_child_dies_with_its_worker(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "task.json").write_text(json.dumps({"work": str(tmp_path / "work")}))
    worker = f"""
import sys
from pathlib import Path
from gpu_worker.training.child import Child, Limits
one = Child([sys.executable, "-c", {TELL + FOR_EVER!r}], Path({str(tmp_path / "task.json")!r}),
            Limits(2**30, 60, 2**20))
for event in one.events():
    print(one._process.pid, flush=True)
"""
    doomed = subprocess.Popen([sys.executable, "-c", worker], stdout=subprocess.PIPE)
    assert doomed.stdout
    number = int(doomed.stdout.readline())
    assert is_there(number)
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.wait()
    doomed.stdout.close()
    wait_for(lambda: not is_there(number))
