"""Objects that leave the store at once: noted as they are let go, removed when the store is there.

A tenant's objects are its own, so only its own rows can keep them. Who takes a note moves its time
on, and strikes it out only if that is as it was left: several may be at it, and each may die.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models.functions import Now

from voices.models import Removal
from voices.named import CANONICAL
from voices.storage import remove_unless
from voices.store import StoreError
from voices.store.names import UPLOAD

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

BITE = 500
STAY = 2.0  # seconds in which whoever let them go removes them itself
TURN = 5.0  # seconds that a bite of the sweep may take
HOLD = timedelta(seconds=15)  # so long, with a slow last answer of the store, nobody else begins
LATER = timedelta(minutes=5)
log = logging.getLogger(__name__)

ASK = """
    WITH asked AS (
      INSERT INTO voices_removal (name, due_at)
      SELECT name, (SELECT clock_timestamp() + %(hold)s) FROM unnest(%(names)s::text[]) AS name
       ORDER BY name
      ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at
      RETURNING due_at)
    SELECT max(due_at) FROM asked"""

# From each tenant in turn: nobody waits until all of another's many are gone. The first of a line
# may be locked by another dispatcher, so twice as many are looked at.
TAKE = """
    WITH lines AS (
      SELECT name, row_number() OVER (PARTITION BY left(name, 36)::uuid ORDER BY asked_at) AS turn
        FROM voices_removal WHERE due_at <= now()),
    bite AS MATERIALIZED (
      SELECT name, turn FROM voices_removal r JOIN lines USING (name)
       WHERE due_at <= now() AND turn <= 2 * %(most)s
       ORDER BY turn LIMIT %(most)s FOR UPDATE OF r SKIP LOCKED),
    taken AS (
      UPDATE voices_removal r SET due_at = now() + %(hold)s FROM bite WHERE r.name = bite.name
      RETURNING r.name, r.due_at, turn)
    SELECT name, due_at FROM taken ORDER BY turn"""

NAMED = f"""
    SELECT EXISTS (SELECT 1 FROM voices_variant v JOIN voices_render r ON r.key = v.render_id
                    WHERE v.sha256 = %(sha256)s AND r.tenant_id = %(tenant)s)
        OR EXISTS (SELECT 1 FROM voices_render WHERE sha256 = %(sha256)s AND tenant_id = %(tenant)s)
        OR EXISTS (SELECT 1 FROM voices_artifact
                    WHERE sha256 = %(sha256)s AND tenant_id = %(tenant)s)
        OR EXISTS (SELECT 1 FROM voices_sample WHERE tenant_id = %(tenant)s
                      AND (sha256 = %(sha256)s AND %(suffix)s = '{CANONICAL}'
                           OR original = %(sha256)s AND original_kept AND %(suffix)s = '{UPLOAD}'))
        OR EXISTS (SELECT 1 FROM jobs_job WHERE result ->> 'sha256' = %(sha256)s
                      AND tenant_id = %(tenant)s AND NOT result ? 'expired')
        OR EXISTS (SELECT 1 FROM jobs_job WHERE checkpoint ->> 'sha256' = %(sha256)s
                      AND tenant_id = %(tenant)s)"""  # noqa: S608 - ours


def ask_removal(names: Iterable[str]) -> None:
    """Note them in the transaction that lets them go; once it is committed they are removed.

    Whoever commits stays with it for two seconds at most. What is left then, or cannot be removed,
    stays noted, and the sweep goes on with it.
    """
    if wanted := set(names):
        [(due,)] = _rows(ASK, {"names": list(wanted), "hold": HOLD})
        transaction.on_commit(partial(_work_off, wanted, due, seconds=STAY))


def remove_now(names: Iterable[str]) -> None:
    """Outside of any transaction: note and remove them."""
    with transaction.atomic():
        ask_removal(names)


def remove_noted(*, dry_run: bool = False) -> int:
    """The sweep: what is noted still, bite by bite while something goes. How many are done with."""
    if dry_run:
        return Removal.objects.count()
    done = 0
    while gone := _work_off_bite():
        done += gone
    return done


def _work_off_bite() -> int:
    taken = _rows(TAKE, {"most": BITE, "hold": HOLD})
    return _work_off([name for name, _ in taken], taken[0][1], seconds=TURN) if taken else 0


def _work_off(names: Iterable[str], due: datetime, *, seconds: float) -> int:
    """Until the time is over or the store is away: then the others would only wait for it too."""
    done, until = 0, time.monotonic() + seconds
    for name in names:
        if time.monotonic() > until:
            break
        try:
            done += _remove(name, due)
        except StoreError as error:
            log.warning("to be removed later: %s", error)
            _put_off(name, due)
            if not error.permanent:
                break
    return done


def _remove(name: str, due: datetime) -> int:
    """One if it is done with: gone, or named by a row after all."""
    gone = remove_unless(name, is_named) or is_named(name)
    return _held(name, due).delete()[0] if gone else 0


def _put_off(name: str, due: datetime) -> None:
    """What fails does not stand before the others again."""
    _held(name, due).update(due_at=Now() + LATER)


def _held(name: str, due: datetime) -> QuerySet[Removal]:
    """The note, unless somebody has taken it over, or has asked for the same object anew."""
    return Removal.objects.filter(name=name, due_at=due)


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def is_named(name: str) -> bool:
    """Whether a row of its own tenant names it."""
    tenant, _, file = name.split("/")
    sha256, _, suffix = file.partition(".")
    with connection.cursor() as cursor:
        cursor.execute(NAMED, {"tenant": tenant, "sha256": sha256, "suffix": suffix})
        return bool(cursor.fetchone()[0])
