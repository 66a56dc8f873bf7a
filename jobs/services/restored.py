"""A ledger restored from a dump: transaction numbers of another server give way to this one's.

Numbers of transactions order events, stand in the cursors of webhooks and guard the fills of
queues. They belong to one server. In a dump they may lie ahead of the server it is restored to;
what was written by then would be told behind everything that is written from now on, or never.
"""

from __future__ import annotations

import logging

from django.db import connection, transaction

LOCK = 7_020_010  # dispatchers that start together do this one after the other

# No transaction of this server has this number, or a higher one, yet.
NEXT = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"

AHEAD = f"""
    SELECT EXISTS (SELECT 1 FROM jobs_queue WHERE filled_by >= {NEXT})
        OR EXISTS (SELECT 1 FROM jobs_forgotten WHERE transaction >= {NEXT})
        OR EXISTS (SELECT 1 FROM jobs_endpoint WHERE cursor_transaction > {NEXT})
        OR EXISTS (
           SELECT 1 FROM tenants_tenant t CROSS JOIN LATERAL (
             SELECT transaction FROM jobs_event WHERE tenant_id = t.id
              ORDER BY transaction DESC LIMIT 1) AS last
            WHERE last.transaction >= {NEXT})"""  # noqa: S608 - the fragment holds names only

# Rows are numbered by a sequence that the dump brings along: all that came with it have lower ids
# than whatever was written since, should an API have been quicker than we are.
LAST = f"""
    SELECT coalesce(max(id) FILTER (WHERE transaction >= {NEXT}), max(id), 0)
      FROM jobs_event"""  # noqa: S608 - the fragment holds names only

# While the old order still stands: behind a cursor nothing may be left that it has not told. What
# it has told already is not told again, for an endpoint takes up each event once.
MEND_CURSORS = f"""
    UPDATE jobs_endpoint w SET cursor_transaction = 0, cursor_event = coalesce((
           SELECT min(e.id) - 1 FROM jobs_event e
            WHERE e.tenant_id = w.tenant_id AND e.id <= %(last)s
              AND (e.transaction, e.id) > (w.cursor_transaction, w.cursor_event)), %(last)s)
     WHERE w.cursor_transaction > {NEXT}
        OR w.created_at <= (SELECT at FROM jobs_event WHERE id = %(last)s)"""  # noqa: S608

MEND_EVENTS = "UPDATE jobs_event SET transaction = 0 WHERE id <= %(last)s AND transaction <> 0"
MEND_FORGOTTEN = "UPDATE jobs_forgotten SET transaction = 0"
MEND_QUEUES = "UPDATE jobs_queue SET filled_by = 0"

log = logging.getLogger(__name__)


@transaction.atomic
def mend_after_restore() -> bool:
    """Have what came in a dump stand before all that this server writes. False: nothing to mend."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(AHEAD)
        if not cursor.fetchone()[0]:
            return False
        # All events are written anew: minutes, where there are millions.
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on")
        cursor.execute(LAST)
        known = {"last": cursor.fetchone()[0]}
        log.warning("the ledger comes from another server: mending %(last)s events", known)
        for statement in (MEND_CURSORS, MEND_EVENTS, MEND_FORGOTTEN, MEND_QUEUES):
            cursor.execute(statement, known)
    return True
