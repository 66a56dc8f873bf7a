"""Loaded by the workers of the counter-proof: the ledger's writes without fence and state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.services import claims, endings, progress

if TYPE_CHECKING:
    from jobs.prepared import Statement

HOLDER = " AND fence = $2 AND state = 'running'"
FINISHER = " AND j.fence = held.fence AND j.state = 'running'"
ENDER = " AND state = ANY($5) AND ($6 IS NULL OR fence = $6)"


def _without(guard: str, statement: Statement) -> Statement:
    if guard not in statement.sql:
        raise RuntimeError(f"{statement.name} has no{guard}: follow the product here.")
    return replace(statement, sql=statement.sql.replace(guard, ""))


claims.FINISH = _without(FINISHER, claims.FINISH)
claims.REQUEUE = _without(HOLDER, claims.REQUEUE)
claims.RETRY_LATER = _without(HOLDER, claims.RETRY_LATER)
progress.REPORT = _without(HOLDER, progress.REPORT)
endings.END = _without(ENDER, endings.END)
