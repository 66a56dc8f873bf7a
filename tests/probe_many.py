"""Probes the files it is named from a process so small that what a child costs is the child's."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from synthesis_worker.probing import probe, to_json


def main(paths: list[str]) -> None:
    for path in paths:
        with TemporaryDirectory() as folder:
            probed = probe(Path(path), Path(folder))
            print(json.dumps({"name": Path(path).name, **to_json(probed)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
