"""A training child tells in lines what became of it, in words that say what to do."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gpu_worker.training.child import Child, Limits

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import os, sys, time
from gpu_worker.training.telling import train_and_tell
def train(task, teller):
{body}
sys.exit(train_and_tell(train))
"""
TASK: dict[str, Any] = {
    "base": None,
    "language": "en",
    "steps": 3,
    "batch": 1,
    "device": "cpu",
    "seed": 1,
    "checkpoint_seconds": 1,
    "resume": None,
    "network": {},
}


@pytest.fixture
def start(tmp_path: Path) -> Any:
    def start(*lines: str) -> Child:
        task = tmp_path / "task.json"
        task.write_text(json.dumps(TASK | {"data": str(tmp_path), "work": str(tmp_path)}))
        program = PROGRAM.format(body="\n".join(f"    {line}" for line in lines))
        return Child([sys.executable, "-c", program], task, Limits(2**30, 60, 2**20))

    return start


def told(child: Child) -> list[dict[str, Any]]:
    with child:
        return [dict(event) for event in child.events() if event]


def test_only_events_are_told_whatever_libraries_print(start: Any, tmp_path: Path) -> None:
    events = told(
        start(
            "print('from Python')",
            "os.system('echo from a shell')",
            "teller.started(0, task.steps)",
            "teller.step(1, {'mel': 0.5})",
            "teller.done(1, task.work / 'voice', {'mel': 0.5})",
        )
    )
    assert [event["event"] for event in events] == ["started", "step", "done"]
    log = (tmp_path / "stderr.log").read_text()
    assert "from Python" in log
    assert "from a shell" in log


@pytest.mark.parametrize("loss", ["nan", "inf", "-inf"])
def test_a_loss_that_is_no_number_ends_the_training_and_is_not_told(start: Any, loss: str) -> None:
    line = f"teller.started(0, 3); teller.step(1, {{'mel': 0.5, 'kl': float('{loss}')}})"
    [_, failed] = told(start(line))
    assert (failed["code"], failed["permanent"]) == ("training_diverged", True)
    assert "step 1" in failed["message"]


@pytest.mark.parametrize(
    ("error", "code", "permanent"),
    [
        ("MemoryError('secret')", "training_no_memory", False),
        ("OSError(28, 'secret')", "disk_full", False),
        ("RuntimeError('CUDA error: secret')", "training_failed", False),
    ],
)
def test_a_failure_is_told_in_plain_words_and_its_reason_stays_in_the_log(
    start: Any, tmp_path: Path, error: str, code: str, permanent: bool
) -> None:
    [failed] = told(start(f"raise {error}"))
    assert (failed["event"], failed["code"]) == ("failed", code)
    assert failed["permanent"] is permanent
    assert "secret" not in failed["message"]
    assert "secret" in (tmp_path / "stderr.log").read_text()


def test_a_full_disk_is_known_behind_what_a_library_makes_of_it(start: Any) -> None:
    wrapped = "    except OSError: raise RuntimeError('unexpected position')"
    [failed] = told(start("try: raise OSError(27, 'too large')", wrapped[4:]))
    assert failed["code"] == "disk_full"


def test_before_anything_is_trained_it_stops_at_once(start: Any) -> None:
    with start("teller.checkpoint(0, task.work)", "time.sleep(600)") as child:
        heard = []
        for event in child.events():
            heard += [event["event"]] if event else []
            if event and event["event"] == "checkpoint":
                child.stop()
    assert heard == ["checkpoint", "stopped"]


def test_from_its_first_step_on_a_stop_waits_for_the_step(start: Any) -> None:
    lines = (
        "teller.started(4, task.steps)",
        "while not teller.stopping: time.sleep(0.01)",
        "teller.step(5, {})",
        "teller.stopped()",
    )
    with start(*lines) as child:
        heard = []
        for event in child.events():
            heard += [dict(event)] if event else []
            if event and event["event"] == "started":
                child.stop()
    assert [event["event"] for event in heard] == ["started", "step", "stopped"]
    assert heard[-1]["step"] == 5
