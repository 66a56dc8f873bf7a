"""Defers jobs to procrastinate one by one, and waits until they are done."""

from __future__ import annotations

import os
import time

import psycopg

from tests.bench.on_demand import serve
from tests.bench.peers.procrastinate_tasks import app, noop

LOOK_EVERY = 0.1
LEFT = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"


def main() -> None:
    with app.open(), psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:

        def submit_and_wait(count: int) -> None:
            for number in range(count):
                noop.defer(job_id=f"job {number}")
            while database.execute(LEFT).fetchone() != (0,):
                time.sleep(LOOK_EVERY)

        serve(submit_and_wait)


if __name__ == "__main__":
    main()
