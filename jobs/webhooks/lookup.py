"""Resolving names with a limit of time, which the system's resolver has none of."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from django.conf import settings

from jobs.webhooks import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

Resolve = Callable[[str, float], "Sequence[guard.Address]"]


def resolve(name: str, seconds: float) -> list[guard.Address]:
    """All addresses of a name; none where it has none. TimeoutError where nobody answers."""
    answers: queue.SimpleQueue[list[guard.Address]] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_ask(name)), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("its name was not resolved in time") from None


def _ask(name: str) -> list[guard.Address]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return list(dict.fromkeys(addresses))


def find_addresses(
    target: guard.Target, seconds: float, ask: Resolve = resolve
) -> Sequence[guard.Address]:
    """Where a target may be reached now; refused where one of its addresses may not be called."""
    addresses = [target.literal] if target.literal else ask(target.host, seconds)
    guard.check_addresses(target, addresses, settings.WEBHOOK_ALLOWED_NETWORKS)
    return addresses
