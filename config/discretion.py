"""What a log line may say of an error: what our own servers said, never what a customer wrote."""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from amqp import AMQPError
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from kombu.exceptions import KombuError
from psycopg2 import Error as DriverError
from redis import RedisError

from voices.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Their words are about machines. Any other error may quote the text it failed on.
OF_MACHINES = (OSError, ImportError, MemoryError, RedisError, KombuError, AMQPError, StoreError)

# SQLSTATE classes that speak of the server. Others quote values: of a row, or of the statement.
OF_THE_SERVER = {"08", "25", "28", "40", "53", "54", "55", "57", "58"}
MOST_FRAMES = 30
MOST_CAUSES = 5


def say(error: BaseException) -> str:
    """Its type, and as much of its words as is ours."""
    words = _words(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _words(error: BaseException) -> str:
    if isinstance(error, DatabaseError | DriverError):
        return _of_ledger(error)
    if isinstance(error, OF_MACHINES):
        return first_line(str(error))
    code = getattr(error, "code", "")
    return code if isinstance(code, str) else ""


def _of_ledger(error: BaseException) -> str:
    """Without DETAIL and CONTEXT, which quote rows, and LINE, which quotes the statement."""
    driver: Any = error if isinstance(error, DriverError) else error.__cause__
    code = getattr(driver, "pgcode", None)
    if code is None:  # nothing was executed: the server was not reached, or lost
        away = isinstance(error, OperationalError | InterfaceError)
        return first_line(str(error)) if away else ""
    if code[:2] in OF_THE_SERVER:
        return f"{code} {first_line(driver.diag.message_primary or '')}"
    places = (driver.diag.table_name, driver.diag.column_name, driver.diag.constraint_name)
    return " ".join([code, *(place for place in places if place)])


def first_line(words: str) -> str:
    return words.strip().partition("\n")[0]


def describe(error: BaseException) -> dict[str, Any]:
    """The error and what it came from: type, words and stack of each."""
    deepest, *outer = reversed(list(_chain(error)))
    told = _told(deepest)
    for one in outer:
        told = _told(one) | {"cause": told}
    return told


def _told(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    frames = [
        f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    told = {"type": f"{kind.__module__}.{kind.__qualname__}", "stack": frames[-MOST_FRAMES:]}
    words = _words(error)
    return told | {"said": words} if words else told


def _chain(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    for _ in range(MOST_CAUSES):
        if following is None:
            return
        yield following
        hidden = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or hidden
