"""What a client asks a stream for, and whether it may: one rule for the stream and for its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from rest_framework.exceptions import ValidationError

from jobs.streams.sources import JobSource, TenantSource
from jobs.streams.telling import NAMES, read_position
from tenants.auth import admit
from tenants.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from jobs.streams.sources import Opening, Source
    from jobs.streams.telling import Told
    from tenants.callers import Caller


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a stream as it came. Without a job it is for all of the tenant's."""

    job_id: UUID | None
    query: str = ""
    authorization: str = ""
    last_event_id: str = ""

    def values(self, name: str) -> str:
        return ",".join(parse_qs(self.query).get(name, []))


@dataclass(frozen=True, slots=True)
class Admitted:
    """A stream that may begin."""

    caller: Caller
    source: Source
    opening: Opening
    types: frozenset[str]
    kinds: frozenset[str]

    def wants(self, told: Told) -> bool:
        return (not self.types or told.name in self.types) and (
            not self.kinds or told.kind in self.kinds
        )


def admit_stream(asked: Asked) -> Admitted:
    """Raises what the ordinary views raise where the key, the job or a parameter will not do."""
    caller = admit(asked.authorization, Scope.JOBS_READ)
    source = _source(caller.tenant_id, asked.job_id)
    last = read_position(asked.last_event_id or asked.values("last_event_id"), source.parts)
    one_job = asked.job_id is not None
    types = frozenset() if one_job else _types(_names(asked.values("types")))
    kinds = frozenset() if one_job else _names(asked.values("kind"))
    return Admitted(caller, source, source.open(last), types, kinds)


def _source(tenant_id: UUID, job_id: UUID | None) -> Source:
    return TenantSource(tenant_id) if job_id is None else JobSource(tenant_id, job_id)


def _names(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))


def _types(names: Iterable[str]) -> frozenset[str]:
    """A name that no event has is a mistake: its stream would be silent for ever."""
    if unknown := sorted(set(names) - NAMES):
        refused = f"Not known: {', '.join(unknown)[:200]}. Known: {', '.join(sorted(NAMES))}."
        raise ValidationError({"types": [refused]})
    return frozenset(names)
