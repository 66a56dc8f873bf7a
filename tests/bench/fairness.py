"""`python -m tests.bench.fairness`: how long few jobs wait behind a flood."""

from __future__ import annotations

import argparse
import json
import statistics
from contextlib import ExitStack

from tests.bench.figures import Figure, state, table
from tests.bench.mill import Mill, open_site

SLOTS, SERVICE, READ_AHEAD = 8, 0.02, 1.0  # a job rests so many seconds
FLOOD, FEW = 10_000, 100


def measure(*, quick: bool) -> list[Figure]:
    """Latency from accept to the end, as the ledger has it. Goal: idle p95 + a window's service."""
    window = SLOTS * (1 + READ_AHEAD)
    extra = window / SLOTS * SERVICE * 1000
    with ExitStack() as stack:
        mill = Mill(
            stack.enter_context(open_site("fairness")),
            BENCH_SERVICE_SECONDS=str(SERVICE),
            READ_AHEAD=str(READ_AHEAD),
        )
        mill.start_dispatcher()
        mill.start_worker("bench", "tests.bench.worker", SLOTS)
        few = mill.client("tests.bench.flood")
        few(0)
        idle = p95(few(FEW))
        few(FLOOD)
        flooded = p95(few(FEW))
    print(
        f"  {SLOTS} slots, window {window:.0f}, service {SERVICE * 1000:.0f} ms:"
        f" a window's service takes {extra:.0f} ms; {FLOOD} jobs of A lie before B's {FEW}"
    )
    return [
        state("fairness: B's p95, nobody else there", idle, unit="ms"),
        state("fairness: B's p95 behind 10,000 of A", flooded, unit="ms", at_most=idle + extra),
    ]


def p95(latencies: str) -> float:
    return float(statistics.quantiles(json.loads(latencies), n=20)[-1])


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.bench.fairness", description=__doc__).parse_args()
    print(table(measure(quick=False)))
