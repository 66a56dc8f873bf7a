"""Bounded waiting: a PostgreSQL that hangs must not hold a thread of the API for ever."""

from __future__ import annotations

import select
import time
from functools import partial
from typing import TYPE_CHECKING

from psycopg2 import OperationalError
from psycopg2.extensions import POLL_OK, POLL_READ, set_wait_callback

if TYPE_CHECKING:
    from psycopg2 import extensions


def bound_waiting(seconds: float) -> None:
    """From now on connecting and each statement fail in this process after so many seconds.

    The server's own limits do not help against a server that does not run.
    """
    set_wait_callback(partial(_wait, seconds))


def _wait(seconds: float, connection: extensions.connection) -> None:
    """psycopg2 closes the connection when this raises."""
    until = time.monotonic() + seconds
    while (state := connection.poll()) != POLL_OK:
        answer = select.poll()
        answer.register(connection, select.POLLIN if state == POLL_READ else select.POLLOUT)
        left = until - time.monotonic()
        if left <= 0 or not answer.poll(left * 1000):
            raise OperationalError(f"no answer within {seconds:g} seconds")
