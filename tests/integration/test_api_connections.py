"""Connections of the API's threads that the server closed while nobody used them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from tests.speech import JOBS, SYNTHESIZE

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.django_db(transaction=True)

END_OTHERS = """
    SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
THREADS = 8


def ask(live: httpx.Client, number: int) -> int:
    if number % 2:
        return live.get(JOBS).status_code
    return live.post(SYNTHESIZE, json={"text": f"Number {number}.", "voice": "tester"}).status_code


def test_after_the_server_closed_them_all_no_request_fails(live: httpx.Client) -> None:
    with ThreadPoolExecutor(2 * THREADS) as pool:
        many = range(6 * THREADS)
        list(pool.map(lambda number: ask(live, number), many))
        with connection.cursor() as cursor:
            cursor.execute(END_OTHERS)
            assert cursor.fetchone()[0] > THREADS
        assert set(pool.map(lambda number: ask(live, number), many)) == {200, 202}
