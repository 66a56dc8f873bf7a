"""The verdict: what became of every promise, counted from outside the ledger's own idea of it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tests.chaos.workload import TENANTS, expected_sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.chaos.client import Accepted, Api
    from tests.chaos.journal import Journal
    from tests.chaos.stage import Stage
    from tests.chaos.watch import Watcher

READERS = 4
HARMS = ("lost", "wrong_audio", "ended_twice", "billed_twice", "events_twice")
TERMINAL = "('job.succeeded', 'job.failed', 'job.cancelled', 'job.expired')"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Five counts of harm, and how many late writes were refused."""

    jobs: int
    faults: int
    lost: int
    wrong_audio: int
    ended_twice: int
    billed_twice: int
    events_twice: int
    fenced: int
    seconds: float

    @property
    def harm(self) -> int:
        return sum(getattr(self, name) for name in HARMS)

    @property
    def holds(self) -> bool:
        """No harm was done; and there was some to prevent, else nothing is proved."""
        return not self.harm and self.fenced > 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was seen of a run."""

    stage: Stage
    api: Api
    accepted: Mapping[str, Accepted]
    watcher: Watcher
    faults: int

    def judge(self) -> Verdict:
        self.watcher.look()
        audio = self._fetch_all()
        bills = Counter(self._ids("SELECT job_id::text FROM jobs_usage"))
        events = Counter(
            self._ids(f"SELECT job_id::text FROM jobs_event WHERE name IN {TERMINAL}")  # noqa: S608
        )
        return Verdict(
            jobs=len(self.accepted),
            faults=self.faults,
            lost=len(self._lost(audio, bills, events)),
            wrong_audio=sum(
                sha256 is not None and sha256 != _expected(self.accepted[job_id])
                for job_id, sha256 in audio.items()
            ),
            ended_twice=len(self.watcher.changed | finished_twice(self.stage.journal)),
            billed_twice=max(self._surplus(bills), self._overbilled()),
            events_twice=self._surplus(events),
            fenced=self._fenced(),
            seconds=round(self.api.clock.seconds, 1),
        )

    def _lost(
        self, audio: Mapping[str, str | None], bills: Counter[str], events: Counter[str]
    ) -> set[str]:
        """Promises without audio, without a bill, or that nobody was told the end of."""
        return {
            job_id
            for job_id in self.accepted
            if audio[job_id] is None or not bills[job_id] or not events[job_id]
        }

    def _surplus(self, found: Counter[str]) -> int:
        """Rows beyond one for each promise; all rows of a job nobody was promised."""
        return sum(count - (1 if job_id in self.accepted else 0) for job_id, count in found.items())

    def _overbilled(self) -> int:
        """Tenants whose bill, as the API sums it up, is not for what they had spoken."""
        due: Counter[str] = Counter()
        for one in self.accepted.values():
            due[one.tenant] += len(one.text)
        return sum(self._billed(tenant) > due[tenant] for tenant in TENANTS)

    def _billed(self, tenant: str) -> int:
        rows = json.loads(self.api.get(tenant, "/api/v1/usage").body)["rows"]
        return sum(int(row["characters"]) for row in rows)

    def _fenced(self) -> int:
        """Writes refused to a worker whose job had been given to another."""
        fences = {job_id: end[1] for job_id, end in self.watcher.ends.items()}
        return sum(
            entry.what == "refused" and entry.fence < fences.get(entry.about, 0)
            for entry in self.stage.journal.entries()
        )

    def _fetch_all(self) -> dict[str, str | None]:
        with ThreadPoolExecutor(READERS) as readers:
            return dict(zip(self.accepted, readers.map(self._fetch, self.accepted), strict=True))

    def _fetch(self, job_id: str) -> str | None:
        """The hash of the audio as a client gets it, or None where it gets none."""
        path = f"/api/v1/jobs/{job_id}/audio"
        answer = self.api.get(self.accepted[job_id].tenant, path)
        return hashlib.sha256(answer.body).hexdigest() if answer.status == 200 else None

    def _ids(self, sql: str) -> Iterable[str]:
        return (row[0] for row in self.stage.ask(sql))


def _expected(promised: Accepted) -> str:
    return expected_sha256(promised.text, again=promised.again)


def finished_twice(journal: Journal) -> set[str]:
    """Jobs whose finish was written more than once."""
    written = Counter(entry.about for entry in journal.entries() if entry.what == "finished")
    return {job_id for job_id, times in written.items() if times > 1}
