"""The connection to the ledger, between two pieces of work."""

from __future__ import annotations

import select

from django.db import close_old_connections, connection


def renew_connection(**_: object) -> None:
    """Give up a connection that broke, is old, or that the server closed while nobody used it.

    An idle connection has nothing to say, unless it is good-bye.
    """
    close_old_connections()
    if connection.connection is None or connection.in_atomic_block:
        return
    idle = select.poll()
    idle.register(connection.connection, select.POLLIN)
    if idle.poll(0):
        connection.close()
