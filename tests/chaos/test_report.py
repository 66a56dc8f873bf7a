"""A small run of each further part of the report: as the command does it, and what it counts."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.page import HEAD, sections
from tests.chaos.stage import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
LONGEST = 360
OLDER = f"{HEAD}\n## Jobs under faults\n\nFrom before.\n"


def report(folder: Path, part: str) -> dict[str, Any]:
    """The figures of a part; the page is in the folder beside what an older run had left there."""
    (folder / "page.md").write_text(OLDER)
    command = [sys.executable, "-m", "tests.chaos.report", "--quick", "--only", part]
    done = subprocess.run(
        [*command, "--out", str(folder / "page.md"), "--records", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0
    found: dict[str, Any] = json.loads((folder / f"{part}.json").read_text())
    return found


def test_rolling_restarts_fail_no_job_no_request_and_repeat_no_work(tmp_path: Path) -> None:
    found = report(tmp_path, "rolling")
    assert found["restarts"] == 2 * 9  # each process in each round
    nought = ("failed_jobs", "full_reruns", "failed_requests", "harm", "untold_events")
    assert {name: found[name] for name in nought} == dict.fromkeys(nought, 0)
    assert found["jobs"] > 30
    assert found["hang_ups"] > 0  # the API did go
    parts = sections((tmp_path / "page.md").read_text())
    assert list(parts) == ["Jobs under faults", "Rolling restarts"]
    assert parts["Jobs under faults"] == "From before.\n"


def test_every_event_arrives_once_though_all_are_killed_and_the_receiver_too(
    tmp_path: Path,
) -> None:
    found = report(tmp_path, "webhooks")
    assert found["kills"] == 6
    assert (found["events"], found["distinct_ids"]) == (100, 100)
    assert (found["missing"], found["strangers"], found["harm"]) == (0, 0, 0)
    assert found["refused"] > 10
