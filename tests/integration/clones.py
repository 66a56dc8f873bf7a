"""What a clone's fleet says of itself in var/embedded.json, and which of its processes live."""

import json
from pathlib import Path
from typing import Any

from fleet.processes import all_processes, carries, working_folder

NAMES = {"postgres", "redis", "dispatcher", "api", "media", "cpu", "flower"}


def of_fleet(root: Path) -> list[int]:
    """Whatever lives and belongs to the clone."""
    mark = f"VOICEMILL_FLEET={root / 'var'}"
    data = str(root / "var" / "postgres")
    return [
        one.pid
        for one in all_processes()
        if not one.has_ended and (carries(one.pid, mark) or working_folder(one.pid) == data)
    ]


def embedded(root: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((root / "var" / "embedded.json").read_text())
    except OSError:
        return {"pids": {}}
    return found
