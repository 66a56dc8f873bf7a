"""Nothing about a tenant's speech is told to anybody by a library of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.nano_voice import write_nano_voice

if TYPE_CHECKING:
    from pathlib import Path

SPEAK = """
import sys
from pathlib import Path
from synthesis_worker.contract import SpeechRequest
from synthesis_worker.engines.piper import PiperEngine
spoken = list(PiperEngine(Path(sys.argv[1])).synthesize(SpeechRequest("Hello.", "en-us", "nano")))
assert spoken
"""
KEPT = {"PATH", "LD_LIBRARY_PATH", "PYTHONPATH"}


@pytest.mark.parametrize(("told", "quiet"), [({}, True), ({"ORT_DISABLE_TELEMETRY": "0"}, False)])
def test_the_runtime_keeps_no_record_of_who_speaks(
    tmp_path: Path, told: dict[str, str], quiet: bool
) -> None:
    """Its report begins with files in the home folder; without our word they are there."""
    write_nano_voice(tmp_path / "models")
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name in KEPT}
    subprocess.run(
        [sys.executable, "-c", SPEAK, str(tmp_path / "models")],
        env=environment | {"HOME": str(home)} | told,
        check=True,
    )
    left = [path for path in home.rglob("*") if path.is_file()]
    assert (left == []) is quiet, left
