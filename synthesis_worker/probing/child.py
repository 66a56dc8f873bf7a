"""The sandboxed child: its input is the upload, its folder gets the canonical sound, its output
is lines of progress and one line of JSON."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthesis_worker.probing.containers import recognise
from synthesis_worker.probing.reasons import Refused
from synthesis_worker.probing.sandbox import give_up_powers, open_nothing_more
from synthesis_worker.probing.verdict import Limits
from synthesis_worker.probing.wave_header import NAME

if TYPE_CHECKING:
    from typing import BinaryIO

    from synthesis_worker.probing.containers import Container


def main(limits: Limits) -> None:
    """Ends with an answer for whatever the input is; the parent answers for a death."""
    give_up_powers(limits)
    try:
        _answer(_probe(sys.stdin.buffer, limits))
    except Refused as refused:
        _answer({"reasons": [asdict(refused.reason)]})
    except MemoryError:
        _answer({"reasons": [asdict(Refused("probe_memory").reason)]})


def _probe(upload: BinaryIO, limits: Limits) -> dict[str, Any]:
    if upload.seek(0, os.SEEK_END) > limits.file_bytes:
        raise Refused("file_too_large", f"At most {limits.file_bytes / 2**20:g} MiB are taken.")
    return _measure(upload, recognise(upload), limits)


def _measure(upload: BinaryIO, container: Container, limits: Limits) -> dict[str, Any]:
    """The libraries are loaded only for what may be a sound, and before the doors are closed."""
    from synthesis_worker.probing.measuring import measure

    with Path(NAME).open("xb+") as sample:
        open_nothing_more()
        return measure(upload, container, limits, sample, _say)


def _say(progress: float) -> None:
    sys.stdout.write(f"{progress:.3f}\n")
    sys.stdout.flush()


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer, allow_nan=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Limits(**json.loads(sys.argv[1])))
