"""Accepting speech: answered from what was said before, joined to who says it now, or queued."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from jobs.errors import AwaitedEndedError
from jobs.selectors import live_job_ids
from jobs.services.accept import Accepted, Step, submit_jobs
from jobs.services.hits import DoneJob, record_done_jobs
from jobs.states import Bond
from jobs.tallies import count
from jobs.webhooks.endpoints import ensure_own_endpoints
from voices import renders
from voices.owning.standing import hold_voices_of
from voices.results import charge_for, result_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from jobs.services.accept import NewJob
    from voices.preparing import Prepared
    from voices.renders import FoundRender, Reservation

    Places = Mapping[int, Prepared]  # requests by their place among those accepted together

ENCODER = "encoder"
ENCODE_COST = 0.1
LOOK_AGAIN = 3  # times an awaited job may end between our look and our insert


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job, whether it was there before, and whether it is done already."""

    id: UUID
    replayed: bool = False
    done: bool = False


def accept_all(prepared: Sequence[Prepared]) -> list[Submitted]:
    """One answer for each, in order: all are accepted, or none."""
    ensure_own_endpoints(one.job.tenant_id for one in prepared if one.request.webhook_url)
    for _ in range(LOOK_AGAIN):
        try:
            return _accept_all(prepared)
        except AwaitedEndedError:
            continue
    return _accept_apart(prepared)


@transaction.atomic
def _accept_apart(prepared: Sequence[Prepared]) -> list[Submitted]:
    """Each for itself, waiting on nobody."""
    hold_voices_of(one.job for one in prepared)
    return [_submitted(one) for one in submit_jobs([one.job for one in prepared])]


@transaction.atomic
def _accept_all(prepared: Sequence[Prepared]) -> list[Submitted]:
    hold_voices_of(one.job for one in prepared)
    places = dict(enumerate(prepared))
    ready = _said_before(places)
    hits = {n: hit for n, render in ready.items() if (hit := _hit(places[n], render))}
    jobs = {n: _encoding(places[n], ready[n]) for n in ready.keys() - hits.keys()}
    jobs |= _joined({n: places[n] for n in places.keys() - ready.keys()})
    queued, done = submit_jobs(list(jobs.values())), record_done_jobs(list(hits.values()))
    renders.note_use(ready.values())
    _note_joins(jobs.values(), queued)
    answers = {n: _submitted(one) for n, one in zip(jobs, queued, strict=True)}
    answers |= {n: _submitted(one, done=True) for n, one in zip(hits, done, strict=True)}
    return [answers[n] for n in places]


def _note_joins(jobs: Iterable[NewJob], queued: Iterable[Accepted]) -> None:
    joins = sum(
        bool(job.waits_on and not one.replayed) for job, one in zip(jobs, queued, strict=True)
    )
    if joins:
        transaction.on_commit(partial(count, "voicemill_single_flight_joins_total", joins))


def _submitted(accepted: Accepted, *, done: bool = False) -> Submitted:
    return Submitted(accepted.id, accepted.replayed, done)


def _said_before(places: Places) -> dict[int, FoundRender]:
    """Renders that are ready, each by the best engine that has one."""
    known = renders.find_renders([key for one in places.values() for key in one.keys])
    found = {n: [known[key] for key in one.keys if key in known] for n, one in places.items()}
    ready = {n: [render for render in some if render.ready] for n, some in found.items()}
    return {n: some[0] for n, some in ready.items() if some}


def _hit(one: Prepared, render: FoundRender) -> DoneJob | None:
    """The job as it ends at once, where the very file is there."""
    file = render.file(one.request.format, one.request.sample_rate)
    if file is None:
        return None
    step = one.job.plan[one.keys.index(render.key)].as_json()
    return DoneJob(
        one.job,
        result_for(one.job.request, step, render, file, cached=True),
        charge_for(one.job.request, render, cached=True),
    )


def _encoding(one: Prepared, render: FoundRender) -> NewJob:
    """It was said before, and only lacks this container: no engine is needed."""
    binding = one.job.plan[one.keys.index(render.key)].binding
    step = Step(ENCODER, "media", binding)
    return replace(one.job, plan=[step, *one.job.plan], cost=ENCODE_COST)


def _joined(fresh: Places) -> dict[int, NewJob]:
    """Each makes its render, or waits on the job that makes it."""
    if not fresh:
        return {}
    makers = _reserve(fresh.values())
    return {n: _waiting_on(makers[one.keys[0]], one.job) for n, one in fresh.items()}


def _waiting_on(maker: UUID | None, job: NewJob) -> NewJob:
    return job if maker in {None, job.id} else replace(job, waits_on={maker: Bond.SAME})


def _reserve(fresh: Iterable[Prepared]) -> dict[str, UUID | None]:
    """Who makes each render from now on; nobody where it has become ready meanwhile."""
    first: dict[str, NewJob] = {}
    for one in fresh:
        first.setdefault(one.keys[0], one.job)
    makers = renders.reserve_renders({key: _reservation(job) for key, job in first.items()})
    others = {maker for key, maker in makers.items() if maker not in {None, first[key].id}}
    ended = others - live_job_ids(others) if others else set()
    orphaned = {key: first[key].id for key, maker in makers.items() if maker in ended}
    for key, heir in orphaned.items():
        renders.take_over_render(key, heir)
    return makers | orphaned


def _reservation(job: NewJob) -> Reservation:
    return job.tenant_id, job.id, job.request.get("own_voice")
