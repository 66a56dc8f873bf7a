"""procrastinate: jobs in PostgreSQL, durable as ours."""

from __future__ import annotations

import os
import time

import procrastinate
from procrastinate import PsycopgConnector, SyncPsycopgConnector

from tests.bench.on_demand import serve

LOOK_EVERY = 0.1
CONNINFO = os.environ["DATABASE_URL"]
LEFT = "SELECT count(*) AS jobs FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"

app = procrastinate.App(connector=PsycopgConnector(conninfo=CONNINFO))


@app.task(name="noop")
def noop(job_id: str) -> None:
    """Nothing."""


def main() -> None:
    connector = SyncPsycopgConnector(conninfo=CONNINFO)
    client = app.with_connector(connector)
    client.open()

    def submit_and_wait(count: int) -> None:
        deferrer = client.configure_task("noop")
        for number in range(count):
            deferrer.defer(job_id=f"job {number}")
        while connector.execute_query_one(LEFT)["jobs"]:
            time.sleep(LOOK_EVERY)

    serve(submit_and_wait)


if __name__ == "__main__":
    main()
