"""A thousand clients of event streams on one API process: what they cost, how soon they hear."""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.cpu import cpu_ms
from tests.bench.figures import Figure, state, table
from tests.bench.mill import Mill, open_site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.on_demand import OnDemand

CLIENTS = 1000
IDLE = 10.0  # seconds
SOLO, ALL = "first", "second"  # the tenant with one client, and the tenant with all the others
REST = 8.0  # seconds after which everything that opening them caused is over


class Crowd:
    """Those who listen to a tenant, and the one who writes its events."""

    def __init__(self, mill: Mill, tenant: str, clients: int, pause: float) -> None:
        known = mill.tenants[tenant]
        self.writer = mill.client(
            "tests.bench.publisher", BENCH_TENANT=known["id"], BENCH_PAUSE=str(pause)
        )
        self.clients: OnDemand = mill.client(
            "tests.bench.listeners",
            BENCH_URL=mill.url,
            BENCH_KEY=known["key"],
            BENCH_CLIENTS=str(clients),
        )

    def delays(self, events: int) -> list[float]:
        """Milliseconds from each event's commit to each client's receipt."""
        committed: Sequence[float] = json.loads(self.writer(events))
        received: list[list[float]] = json.loads(self.clients(events))
        assert all(len(times) == events for times in received), "an event came twice"
        return [
            1000 * (heard - said)
            for times in received
            for said, heard in zip(committed, times, strict=True)
        ]


def measure(*, quick: bool) -> list[Figure]:
    """The API, PostgreSQL and Redis are looked at each for itself; the clients are left out."""
    with ExitStack() as stack:
        site = stack.enter_context(open_site("streams"))
        mill = Mill(site)
        mill.start_api()
        api = site.pids["api"]
        one = Crowd(mill, SOLO, 1, pause=0.01)
        one.delays(5)
        before = resident_mib(api)
        everybody = Crowd(mill, ALL, CLIENTS, pause=0.5)
        everybody.delays(2)
        time.sleep(REST)
        after, threads = resident_mib(api), len(list(Path(f"/proc/{api}/task").iterdir()))
        idle = {name: idle_share(site.pids[name]) for name in ("api", "postgres", "redis")}
        solo, to_all = one.delays(100 if quick else 500), everybody.delays(5 if quick else 20)
    return [
        state(f"API with {CLIENTS} streams: memory", after, unit="MiB"),
        state("each stream: memory of the API", 1024 * (after - before) / CLIENTS, unit="KiB"),
        state(f"API with {CLIENTS} streams: threads", threads, unit="threads"),
        *(
            state(f"{name} with {CLIENTS} idle streams: CPU", share, unit="% of a core")
            for name, share in idle.items()
        ),
        *shares(f"commit to client, {CLIENTS} others idle", solo),
        *shares(f"commit to client, one event for all {CLIENTS}", to_all),
    ]


def idle_share(pid: int) -> float:
    """Percent of a core that a process and those below it use while nothing happens."""
    before = cpu_ms([pid])
    time.sleep(IDLE)
    return (cpu_ms([pid]) - before) / IDLE / 10


def shares(what: str, delays: Sequence[float]) -> list[Figure]:
    cuts = statistics.quantiles(delays, n=100)
    return [state(f"{what}: p{share}", cuts[share - 1], unit="ms") for share in (50, 99)]


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.bench.streams", description=__doc__).parse_args()
    print(table(measure(quick=False)))
