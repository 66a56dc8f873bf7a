"""Submitting many at once: each checked alone, all written in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import transaction
from rest_framework.exceptions import APIException

from jobs.errors import AwaitedEndedError
from jobs.prepared import Statement
from jobs.pressure import check_pressure
from jobs.selectors import live_job_ids
from jobs.services.accept import Made, NewJob, new_job_id, submit_jobs
from jobs.states import Bond
from voices import renders, services
from voices.errors import VoiceError
from voices.requests import body_hash
from voices.services import Prepared, Submitted
from voices.text import TextError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from tenants.callers import Caller
    from voices.requests import SynthesisRequest

RESERVE_MANY = Statement(
    "reserve_renders",
    ("text[]", "uuid[]", "uuid"),
    """
    INSERT INTO voices_render AS r (key, tenant_id, job_id)
    SELECT key, $3, job_id FROM unnest($1, $2) AS asked(key, job_id) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET used_at = now()
    RETURNING r.key, r.job_id, r.sha256
    """,
)


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes a render now."""

    job_id: UUID
    ready: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one item: its job, or the error that kept it out."""

    index: int
    submitted: Submitted | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    id: UUID
    lines: tuple[Line, ...]

    @property
    def replayed(self) -> bool:
        """Whether the same request made all of it before."""
        made = [line.submitted for line in self.lines if line.submitted]
        return bool(made) and all(one.replayed for one in made)


def submit_bulk(
    caller: Caller,
    items: Sequence[Mapping[str, Any]],
    *,
    read: Callable[[Mapping[str, Any]], SynthesisRequest],
    key: str | None = None,
) -> Batch:
    """Check each item alone; accept all that pass in one transaction, as one batch."""
    whole = body_hash(items)
    made = {} if key is None else _made_before(caller, len(items), key, whole)
    batch_id = next((one.batch_id for one in made.values() if one.batch_id), None) or new_job_id()
    checked = [
        Submitted(made[index].job_id, replayed=True)
        if index in made
        else _check(caller, item, read)
        for index, item in enumerate(items)
    ]
    good = {
        index: _named(one, batch_id, key and _own_key(key, index), whole)
        for index, one in enumerate(checked)
        if isinstance(one, Prepared)
    }
    check_pressure(tenant_id=caller.tenant_id, ceiling=caller.max_queued, more=len(good))
    answers = dict(zip(good, accept_all(list(good.values())), strict=True))
    return Batch(batch_id, tuple(_line(*one, answers) for one in enumerate(checked)))


def _made_before(caller: Caller, items: int, key: str, whole: str) -> dict[int, Made]:
    own_keys = [_own_key(key, index) for index in range(items)]
    known = services.find_replay(caller, own_keys, whole)
    return {index: known[own] for index, own in enumerate(own_keys) if own in known}


def _own_key(key: str, index: int) -> str:
    return f"{key}#{index}"


def _check(
    caller: Caller,
    item: Mapping[str, Any],
    read: Callable[[Mapping[str, Any]], SynthesisRequest],
) -> Prepared | Exception:
    try:
        return services.prepare_synthesis(caller, read(item))
    except (APIException, VoiceError, TextError) as error:
        return error


def _named(one: Prepared, batch_id: UUID, own_key: str | None, whole: str) -> Prepared:
    job = replace(one.job, batch_id=batch_id, idempotency_key=own_key, body_hash=whole)
    return replace(one, job=job)


def _line(
    index: int, one: Prepared | Submitted | Exception, answers: Mapping[int, Submitted]
) -> Line:
    if isinstance(one, Exception):
        return Line(index, error=one)
    if isinstance(one, Submitted):
        return Line(index, submitted=one)
    return Line(index, submitted=answers[index])


def accept_all(prepared: Sequence[Prepared]) -> list[Submitted]:
    """One answer for each, in order."""
    for _ in range(services.LOOK_AGAIN):
        try:
            return _accept_all(prepared)
        except AwaitedEndedError:
            continue
    return [services.accept_prepared(one) for one in prepared]


@transaction.atomic
def _accept_all(prepared: Sequence[Prepared]) -> list[Submitted]:
    known = _known_renders(prepared)
    fresh = [one for one in prepared if not known.intersection(one.keys)]
    made = dict(zip((id(one) for one in fresh), _accept_fresh(fresh), strict=True))
    return [made.get(id(one)) or services.accept_prepared(one) for one in prepared]


def _known_renders(prepared: Sequence[Prepared]) -> set[str]:
    """Keys that are ready: those go the way of a single request."""
    keys = [key for one in prepared for key in one.keys]
    return {render.key for render in renders.find_renders(keys, "", None) if render.ready}


def _accept_fresh(fresh: Sequence[Prepared]) -> list[Submitted]:
    if not fresh:
        return []
    makers = _reserve([one.job for one in fresh], [one.keys[0] for one in fresh])
    jobs = [_joined(one, makers[one.keys[0]]) for one in fresh]
    accepted = submit_jobs(jobs)
    return [services.submitted(one) for one in accepted]


def _reserve(jobs: Sequence[NewJob], keys: Sequence[str]) -> dict[str, Maker]:
    first: dict[str, NewJob] = {}
    for job, key in zip(jobs, keys, strict=True):
        first.setdefault(key, job)
    ids = [job.id for job in first.values()]
    rows = RESERVE_MANY.rows(list(first), ids, str(jobs[0].tenant_id))
    ours = {job.id for job in first.values()}
    live = live_job_ids({job_id for _, job_id, _ in rows} - ours) | ours
    return {
        key: _heir(key, first[key]) if job_id not in live and not sha else Maker(job_id, bool(sha))
        for key, job_id, sha in rows
    }


def _heir(key: str, job: NewJob) -> Maker:
    """Whoever was making it has ended without a result: the first of ours makes it."""
    renders.take_over_render(key, job.id)
    return Maker(job.id, ready=False)


def _joined(one: Prepared, maker: Maker) -> NewJob:
    if maker.job_id == one.job.id or maker.ready:
        return one.job
    return replace(one.job, waits_on={maker.job_id: Bond.SAME})
