"""`python -m tests.bench [--quick] [--only NAME]`: measure, print the table, write it down."""

from __future__ import annotations

import argparse
import sys
import time

from tests.bench import accepting, caching, fairness, footprint, noop, speech, streams
from tests.bench.figures import Figure, load, save, table
from tests.bench.venvs import HOME

RESULTS = HOME.with_suffix(".json")
MEASUREMENTS = {
    "noop": noop.measure,
    "accept": accepting.measure,
    "speech": speech.measure,
    "caching": caching.measure,
    "fairness": fairness.measure,
    "streams": streams.measure,
    "footprint": footprint.measure,
}


def main() -> int:
    chosen = read_arguments()
    started, figures = time.monotonic(), list[Figure]()
    for name in [chosen.only] if chosen.only else MEASUREMENTS:
        print(f"{name}:", flush=True)
        figures += MEASUREMENTS[name](quick=chosen.quick)
    save(figures + others(figures) if chosen.only else figures, RESULTS)
    print(table(figures))
    print(f"took {time.monotonic() - started:.0f} s")
    return 0


def others(figures: list[Figure]) -> list[Figure]:
    """What an earlier run found of the measurements that were left out of this one."""
    new = {(figure.metric, figure.peer_name) for figure in figures}
    return [old for old in load(RESULTS) if (old.metric, old.peer_name) not in new]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a rough idea")
    parser.add_argument("--only", choices=MEASUREMENTS, help="one measurement alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
