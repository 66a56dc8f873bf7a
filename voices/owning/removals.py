"""Objects that leave the store at once: noted as they are let go, removed when the store is there.

A tenant's objects are its own, so only its own rows can keep them.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from django.db import connection, transaction

from voices.models import Removal
from voices.named import CANONICAL
from voices.storage import remove_unless
from voices.store import StoreError
from voices.store.names import UPLOAD

if TYPE_CHECKING:
    from collections.abc import Iterable

BITE = 500
log = logging.getLogger(__name__)

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
                      AND tenant_id = %(tenant)s AND NOT result ? 'expired')"""  # noqa: S608 - ours


def ask_removal(names: Iterable[str]) -> None:
    """Note them in the transaction that lets them go; when it is committed they are removed.

    What cannot be removed then stays noted, and the sweep tries again.
    """
    wanted = sorted(set(names))
    rows = [Removal(name=name) for name in wanted]
    Removal.objects.bulk_create(rows, ignore_conflicts=True, batch_size=BITE)
    transaction.on_commit(partial(_remove_all, wanted))


def remove_now(names: Iterable[str]) -> None:
    """Outside of any transaction: note and remove them."""
    with transaction.atomic():
        ask_removal(names)


def remove_noted(*, dry_run: bool = False) -> int:
    """The sweep: what is noted still. How many are done with."""
    noted = list(Removal.objects.order_by("asked_at").values_list("name", flat=True))
    return len(noted) if dry_run else _remove_all(noted)


def _remove_all(names: Iterable[str]) -> int:
    """Until the store is away: then the others would only wait for it too."""
    done = 0
    for name in names:
        try:
            gone = remove_unless(name, is_named) or is_named(name)
        except StoreError as error:
            log.warning("to be removed later: %s", error)
            break
        if gone:
            done += Removal.objects.filter(name=name).delete()[0]
    return done


def is_named(name: str) -> bool:
    """Whether a row of its own tenant names it."""
    tenant, _, file = name.split("/")
    sha256, _, suffix = file.partition(".")
    with connection.cursor() as cursor:
        cursor.execute(NAMED, {"tenant": tenant, "sha256": sha256, "suffix": suffix})
        return bool(cursor.fetchone()[0])
