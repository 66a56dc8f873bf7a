"""procrastinate: jobs in PostgreSQL, durable as ours."""

from __future__ import annotations

import os

import procrastinate

app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ["DATABASE_URL"])
)


@app.task(name="noop")
async def noop(job_id: str) -> None:
    """Nothing; as a coroutine, which costs procrastinate less than a function does."""
