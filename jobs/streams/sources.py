"""Where streams come from: the events of one job, or of one tenant, read from the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from jobs.errors import JobNotFoundError
from jobs.prepared import Statement
from jobs.streams.telling import Happening, Position, Told, tell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

PAGE = 200  # events that one read takes at most
BEGINNING = (0, 0)
LOOK_AT_TENANT = 1.0  # no hint is sent of a job that was done as it was accepted

# Whatever transaction is still under way has an id that is not below this one, so that nothing can
# appear any more among the events below it.
SETTLED = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
TOLD = "e.name, e.data::text, e.at, e.job_id, j.kind, j.progress"

TENANT_EVENTS = Statement(
    "tenant_events",
    ("uuid", "bigint", "bigint", "int"),
    f"""
    SELECT {TOLD}, e.transaction, e.id, e.transaction < {SETTLED}
      FROM jobs_event e LEFT JOIN jobs_job j ON j.id = e.job_id
     WHERE e.tenant_id = $1 AND (e.transaction, e.id) > ($2, $3)
     ORDER BY e.transaction, e.id LIMIT $4
    """,  # noqa: S608 - the fragments hold names only
)
TENANT_NOW = Statement(
    "tenant_now",
    ("uuid", "bigint", "bigint"),
    f"""
    SELECT e.transaction, e.id, f.transaction, f.event,
           EXISTS (SELECT 1 FROM jobs_event
                    WHERE tenant_id = $1 AND transaction = $2 AND id = $3)
      FROM (SELECT) AS one
      LEFT JOIN LATERAL (
        SELECT transaction, id FROM jobs_event
         WHERE tenant_id = $1 AND transaction < {SETTLED}
         ORDER BY transaction DESC, id DESC LIMIT 1) AS e ON true
      LEFT JOIN jobs_forgotten f ON f.tenant_id = $1
    """,  # noqa: S608 - the fragment holds names only
)
JOB_EVENTS = Statement(
    "job_events",
    ("uuid", "int", "int"),
    f"""
    SELECT {TOLD}, e.number, true
      FROM jobs_event e JOIN jobs_job j ON j.id = e.job_id
     WHERE e.job_id = $1 AND e.number > $2 ORDER BY e.number LIMIT $3
    """,  # noqa: S608 - the fragment holds names only
)
JOB_NOW = Statement(
    "job_now",
    ("uuid", "uuid"),
    """
    SELECT events, (SELECT min(number) FROM jobs_event WHERE job_id = $1), ended_at IS NOT NULL
      FROM jobs_job WHERE id = $1 AND tenant_id = $2
    """,
)


@dataclass(frozen=True, slots=True)
class Opening:
    """From where a client is told. `over`: what has happened by now is all there will ever be."""

    position: Position
    gap: bool = False
    over: bool = False
    nothing: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The next events in order. `held`: there are others, whose turn has not quite come."""

    events: Sequence[Told]
    full: bool
    held: bool


class Source(Protocol):
    """Equal sources share a feed."""

    parts: ClassVar[int]

    @property
    def topic(self) -> str: ...

    @property
    def patience(self) -> float: ...

    def open(self, last: Position | None) -> Opening: ...

    def read(self, after: Position) -> Page: ...


@dataclass(frozen=True, slots=True)
class TenantSource:
    """In the order of transactions, so that a late commit is neither skipped nor told twice."""

    tenant_id: UUID
    parts: ClassVar[int] = 2
    patience: ClassVar[float] = LOOK_AT_TENANT

    @property
    def topic(self) -> str:
        return str(self.tenant_id)

    def open(self, last: Position | None) -> Opening:
        """From now on, unless the client says where it stands.

        An id that is no event's, and no place that was ever told, is of a ledger that is no more.
        """
        *place, known = TENANT_NOW.rows(str(self.tenant_id), *(last or BEGINNING))[0]
        settled, forgotten = _pairs(place)
        now = max(settled, forgotten)
        if last is None:
            return Opening(now)
        if last < forgotten:
            return Opening(last, gap=True)
        if last > now or not (known or last in {BEGINNING, forgotten}):
            return Opening(now, gap=True)
        return Opening(last)

    def read(self, after: Position) -> Page:
        return _page(TENANT_EVENTS.rows(str(self.tenant_id), *after, PAGE))


@dataclass(frozen=True, slots=True)
class JobSource:
    """In the order of their numbers, which are counted under the job's row lock."""

    tenant_id: UUID
    job_id: UUID
    parts: ClassVar[int] = 1
    patience: ClassVar[float] = float("inf")

    @property
    def topic(self) -> str:
        return str(self.job_id)

    def open(self, last: Position | None) -> Opening:
        """From the beginning, unless the client says where it stands."""
        row = JOB_NOW.row(str(self.job_id), str(self.tenant_id))
        if row is None:
            raise JobNotFoundError
        events, first, over = row
        kept_from = (first or events + 1) - 1
        (seen,) = last or (0,)
        if seen > events or seen < kept_from:
            return Opening((events if seen > events else kept_from,), gap=True, over=over)
        return Opening((seen,), over=over, nothing=over and last == (events,))

    def read(self, after: Position) -> Page:
        return _page(JOB_EVENTS.rows(str(self.job_id), *after, PAGE))


def _pairs(row: Sequence[Any]) -> tuple[Position, Position]:
    return (row[0] or 0, row[1] or 0), (row[2] or 0, row[3] or 0)


def _page(rows: Sequence[tuple[Any, ...]]) -> Page:
    """Those that are settled: nothing else can come before them or among them any more."""
    settled = [row for row in rows if row[-1]]
    held = len(settled) < len(rows)
    return Page([_told(row) for row in settled], full=len(settled) == PAGE, held=held)


def _told(row: tuple[Any, ...]) -> Told:
    name, data, at, job_id, kind, progress, *position, _ = row
    return tell(tuple(position), Happening(name, json.loads(data), at, job_id, kind, progress))
