"""Long work in a thread of its own, while somebody looks whether it is still wanted."""

from __future__ import annotations

from concurrent.futures import Future, wait
from contextlib import closing
from contextvars import copy_context
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable

EACH = 0.5  # seconds between two looks
Answer = TypeVar("Answer")


def beside(work: Callable[[], Answer], look: Callable[[], None]) -> Answer:
    """What the work answers or raises. Where `look` raises, nobody waits for its end any more."""
    answer: Future[Answer] = Future()
    told = (_do, work, answer)
    Thread(target=copy_context().run, args=told, name="beside", daemon=True).start()
    while not wait([answer], EACH).done:
        look()
    return answer.result()


def _do(work: Callable[[], Answer], answer: Future[Answer]) -> None:
    """Its thread has a connection to the ledger of its own."""
    try:
        with closing(connection):
            done = work()
    except BaseException as error:  # noqa: BLE001 - whoever waits has it
        answer.set_exception(error)
    else:
        answer.set_result(done)
