"""Reading voices of one's own: how far the making of one is, what may be turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.models import Job
from voices.dials import ADVANCED, SETTINGS, dial_of, shown
from voices.models import Revision, Status
from voices.owning.drafting import edited, under_way
from voices.routing import offers_by_engine
from voices.selectors import current_offers

if TYPE_CHECKING:
    from uuid import UUID

    from voices.models import Voice


@dataclass(frozen=True, slots=True)
class Progress:
    """The job that makes, or made, a voice; no progress once it is over."""

    job_id: UUID
    progress: float | None


def making_of(voice: Voice) -> Progress | None:
    """One that is under way, or the latest. A stock voice was made elsewhere."""
    if voice.tenant_id is None or not (jobs := jobs_of(voice)):
        return None
    if voice.status != Status.TRAINING:
        return Progress(jobs[0], None)
    done = Job.objects.filter(id=jobs[0]).values_list("progress", flat=True).first()
    return Progress(jobs[0], done)


def jobs_of(voice: Voice) -> list[UUID]:
    """Of every engine that makes it; where none does any more, the last one's."""
    live = list(under_way(voice).values_list("job_id", flat=True))
    return live or list(voice.makings.values_list("job_id", flat=True)[:1])


@dataclass(frozen=True, slots=True)
class Desk:
    """All there is to turn: where each setting stands, how far it goes, and who can express it."""

    revision: UUID | None
    state: str
    settings: dict[str, Any]
    advanced: dict[str, dict[str, float]]
    dials: dict[str, dict[str, Any]]
    engines: dict[str, dict[str, Any]]


def desk_of(voice: Voice) -> Desk:
    """The draft, or what is published where nothing was turned since."""
    revision = edited(voice)
    settings = revision.settings if revision else {}
    engines = _engines(revision)
    return Desk(
        revision=revision.id if revision else None,
        state=revision.state if revision else "",
        settings=shown(settings),
        advanced=settings.get(ADVANCED, {}),
        dials={name: _dial(name, engines) for name in SETTINGS},
        engines={
            engine: {name: span for name, span in dials.items() if name not in SETTINGS}
            for engine, dials in engines.items()
        },
    )


def _engines(revision: Revision | None) -> dict[str, dict[str, Any]]:
    """The dials of the engines that speak it."""
    known = offers_by_engine(current_offers())
    bound = [binding.engine for binding in revision.bindings.all()] if revision else []
    return {
        engine: dict(known[engine].capabilities["dials"]) for engine in bound if engine in known
    }


def _dial(name: str, engines: dict[str, dict[str, Any]]) -> dict[str, Any]:
    setting = SETTINGS[name]
    return {
        "low": setting.low,
        "high": setting.high,
        "default": setting.value(setting.default),
        "says": setting.says,
        "engines": sorted(
            engine for engine, dials in engines.items() if dial_of(name, dials) in dials
        ),
    }
