"""Sixty jobs while everything breaks: nothing is lost, and the fence is why."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.stage import ROOT
from tests.chaos.verdict import HARMS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
JOBS, FAULTS = 60, 10  # one of each kind
LONGEST = 360


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of its own process found: a supervisor takes signals and adopts orphans."""
    out: Path = tmp_path_factory.mktemp("chaos") / "chaos.json"
    command = [sys.executable, "-m", "tests.chaos", "--jobs", str(JOBS), "--faults", str(FAULTS)]
    done = subprocess.run(
        [*command, "--out", str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert out.exists(), done.stdout
    print(done.stdout)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_nothing_is_lost_mixed_up_or_billed_twice(told: dict[str, Any]) -> None:
    assert (told["jobs"], told["faults"]) == (JOBS, FAULTS)
    assert {name: told[name] for name in HARMS} == dict.fromkeys(HARMS, 0)


def test_late_writes_came_and_were_refused(told: dict[str, Any]) -> None:
    assert told["fenced"] > 0


def test_without_the_fence_jobs_end_and_are_billed_twice(told: dict[str, Any]) -> None:
    bare = told["without_fence"]
    assert bare["ended_twice"] > 0
    assert bare["billed_twice"] > 0
