"""How long a client is willing to wait, read from its request."""

from __future__ import annotations

import pytest

from jobs.waiting import LONGEST, seconds_to_wait

JOB = "/api/v1/jobs/0190b6a4-7e3a-7cc1-8000-000000000000"
SPEECH = "/api/v1/jobs/synthesize"


def scope(method: str, path: str, query: bytes = b"", prefer: bytes = b"") -> dict[str, object]:
    headers = [(b"prefer", prefer)] if prefer else []
    return {"method": method, "path": path, "query_string": query, "headers": headers}


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        (b"wait=5", 5.0),
        (b"wait=0.5", 0.5),
        (b"a=b&wait=7", 7.0),
        (b"wait=9999", LONGEST),
        (b"wait=0", None),
        (b"wait=-5", None),
        (b"wait=nan", None),
        (b"wait=inf", None),
        (b"wait=1e9", None),
        (b"wait=99999", None),
        (b"wait=\xff", None),
        (b"wait=%D9%A3", None),
        (b"", None),
    ],
)
def test_looking_at_a_job_waits_as_long_as_the_query_says(
    query: bytes, seconds: float | None
) -> None:
    assert seconds_to_wait(scope("GET", JOB, query)) == seconds


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (b"wait=10", 10.0),
        (b"respond-async, wait=10", 10.0),
        (b"wait=600", LONGEST),
        (b"wait=0", None),
        (b"wait=x", None),
        (b"respond-async", None),
        (b"await=5", None),
    ],
)
def test_having_a_text_spoken_waits_as_long_as_prefer_says(
    prefer: bytes, seconds: float | None
) -> None:
    assert seconds_to_wait(scope("POST", SPEECH, prefer=prefer)) == seconds


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/jobs"),
        ("POST", JOB),
        ("GET", f"{JOB}/audio"),
        ("GET", SPEECH),
        ("POST", "/api/v1/jobs/bulk"),
    ],
)
def test_nothing_else_waits(method: str, path: str) -> None:
    assert seconds_to_wait(scope(method, path, b"wait=5", b"wait=5")) is None
