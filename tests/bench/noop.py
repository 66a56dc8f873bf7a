"""A job that does nothing, from submit to done: what the platform itself costs."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

from config.environment import celery_broker
from fleet.program import Program
from tests.bench.figures import Figure, compare
from tests.bench.mill import Mill, Site, open_site
from tests.bench.on_demand import ROOT
from tests.bench.rounds import Arm, take_turns
from tests.bench.venvs import peer_python

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.on_demand import OnDemand

PEERS = "tests.bench.peers"
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
THREADS = 16
GOALS = {"celery": 0.75, "procrastinate": 0.35, "classic": 0.2}
NAMES = {
    "celery": "Celery delay + prefork, not durable",
    "procrastinate": "procrastinate",
    "classic": "ORM + on_commit(delay) + ORM worker, prefork",
}


def measure(*, quick: bool) -> list[Figure]:
    jobs, rounds = (300, 2) if quick else (1000, 5)
    with ExitStack() as stack:
        makers = {
            "voicemill": voicemill,
            "celery": celery_alone,
            "procrastinate": procrastinate,
            "classic": classic,
        }
        sites = {name: stack.enter_context(open_site(name)) for name in makers}
        arms = {
            name: arm(name, sites[name], make(sites[name]), jobs) for name, make in makers.items()
        }
        take_turns(list(arms.values()), rounds)
    ours = arms["voicemill"].median
    return [
        compare(
            "no-op job, CPU of all processes",
            ours,
            arms[name].median,
            NAMES[name],
            unit="CPU ms",
            at_most=goal,
        )
        for name, goal in GOALS.items()
    ]


def arm(name: str, site: Site, client: OnDemand, jobs: int) -> Arm:
    def turn() -> float:
        client(jobs)
        return jobs

    return Arm(name, turn, site.pids)


def voicemill(site: Site) -> OnDemand:
    mill = Mill(site)
    mill.start_dispatcher()
    mill.start_worker("bench", "tests.bench.worker", THREADS)
    return mill.client("tests.bench.submit")


def celery_alone(site: Site) -> OnDemand:
    python, environment = peer_python("classic"), peer_environment(site)
    start_celery(site, python, f"{PEERS}.celery_plain", environment)
    return site.client(f"{PEERS}.celery_plain", environment, python)


def procrastinate(site: Site) -> OnDemand:
    python, environment = peer_python("procrastinate"), peer_environment(site)
    tasks = f"{PEERS}.procrastinate_tasks.app"
    command = (python, "-m", "procrastinate", "--log-level", "warning", "--app", tasks)
    run_once((*command, "schema", "--apply"), environment)
    worker = (*command, "worker", "--concurrency", "2")
    site.start(Program("worker", worker, environment, ROOT))
    return site.client(f"{PEERS}.procrastinate_submit", environment, python)


def classic(site: Site) -> OnDemand:
    python, environment = peer_python("classic"), classic_environment(site)
    migrate(python, environment)
    start_celery(site, python, f"{PEERS}.classic.tasks", environment)
    return site.client(f"{PEERS}.classic.accept", environment, python)


def peer_environment(site: Site) -> dict[str, str]:
    """Where a peer finds its servers; its modules are found from the repository's root."""
    postgres, redis = site.services.postgres, site.services.redis
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": postgres.url,
        "PGHOST": str(postgres.sockets),
        "PGUSER": "voicemill",
        "PGDATABASE": "voicemill",
        "REDIS_URL": redis.url,
        "BROKER_URL": celery_broker(redis.url),
    }


def classic_environment(site: Site) -> dict[str, str]:
    return peer_environment(site) | {"DJANGO_SETTINGS_MODULE": f"{PEERS}.classic.settings"}


def migrate(python: str, environment: dict[str, str]) -> None:
    command = (python, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0")
    run_once(command, environment)


def run_once(command: Sequence[str], environment: Mapping[str, str]) -> None:
    subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def start_celery(site: Site, python: str, module: str, environment: dict[str, str]) -> None:
    command = (python, "-m", "celery", "-A", module, "worker", "-P", "prefork", "-c", "2", *QUIET)
    site.start(Program("worker", command, environment, ROOT))
