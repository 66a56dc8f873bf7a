"""What failed in the last hour, by what went wrong: codes only, for messages may quote a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.admin.story import link_to_job
from jobs.admin.words import code_words
from jobs.prepared import Statement
from tenants.admin.words import when

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from django.utils.safestring import SafeString

LOOKED_AT = 10_000  # of the jobs that ended last, good or bad
SHOWN = 3  # jobs of each kind
MOST = 100

FAILED = Statement(
    "operations_failed",
    ("int", "int", "int"),
    """
    SELECT error_code, queue, count(*)::int, max(ended_at),
           (array_agg(id ORDER BY ended_at DESC))[1:$2]
      FROM (SELECT id, state, error_code, queue, ended_at FROM jobs_job
             WHERE ended_at > now() - interval '1 hour'
             ORDER BY ended_at DESC LIMIT $1) AS ended
     WHERE state = 'failed' GROUP BY 1, 2 ORDER BY 4 DESC LIMIT $3
    """,
)


@dataclass(frozen=True, slots=True)
class Failing:
    """One way to fail, on one hardware class."""

    code: str
    queue: str
    jobs: int
    last: datetime
    job_ids: Sequence[UUID]

    @property
    def what(self) -> str:
        return code_words(self.code)

    @property
    def when(self) -> SafeString | str:
        return when(self.last)

    @property
    def links(self) -> list[SafeString]:
        return [link_to_job(job_id, short=True) for job_id in self.job_ids]


def read_failures() -> list[Failing]:
    """The latest first."""
    return [Failing(*row) for row in FAILED.rows(LOOKED_AT, SHOWN, MOST)]
