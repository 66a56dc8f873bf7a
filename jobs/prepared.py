"""Statements prepared once per connection: parsed and planned once, run thousands of times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.db import connection

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

# By index, and by the plan made first, whatever the planner's statistics say: on a fresh database,
# and after a flood, they know too little for a minute, and a claim would read the whole table.
BY_INDEX = (
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off;"
    " SET plan_cache_mode = force_generic_plan"
)

_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with $1-style parameters, and their types in order."""

    name: str
    types: tuple[str, ...]
    sql: str

    def rows(self, *values: Any) -> list[tuple[Any, ...]]:
        """Run it on Django's connection, inside its transaction if there is one."""
        connection.ensure_connection()
        with connection.cursor() as cursor:
            self._prepare(cursor)
            cursor.execute(self._execute, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def row(self, *values: Any) -> tuple[Any, ...] | None:
        found = self.rows(*values)
        return found[0] if found else None

    @property
    def _execute(self) -> str:
        marks = ", ".join(f"%s::{kind}" for kind in self.types)  # a list of strings may be of uuids
        return f"EXECUTE {self.name}({marks})" if marks else f"EXECUTE {self.name}"

    def _prepare(self, cursor: Any) -> None:
        done = _prepared.setdefault(connection.connection, set())
        if self.name in done:
            return
        types = f"({', '.join(self.types)})" if self.types else ""
        cursor.execute(f"PREPARE {self.name}{types} AS {self.sql}")
        done.add(self.name)


def read_by_index(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """For a session that lives on prepared statements: the dispatcher's, and those of workers."""
    with connection.cursor() as cursor:
        cursor.execute(BY_INDEX)
