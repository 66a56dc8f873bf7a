"""What a voice is made from: recordings, and a consent that stands and covers all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from voices.owning.consents import usable_samples
from voices.owning.errors import (
    ConsentMissingError,
    ConsentWithdrawnError,
    SamplesTooLongError,
    SamplesTooShortError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from voices.models import Consent, Sample, Voice


class Listener(Protocol):
    """An engine that wants to hear so many seconds in all."""

    @property
    def engine(self) -> str: ...

    @property
    def least(self) -> float: ...

    @property
    def most(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Material:
    """Recordings, and the consent that covers them."""

    consent: Consent
    samples: Sequence[Sample]

    @property
    def hashes(self) -> list[str]:
        return [sample.sha256 for sample in self.samples]


def material_of(voice: Voice, named: Sequence[UUID] | None, listener: Listener) -> Material:
    """The samples named; or as many as the engine takes of those that a consent covers."""
    usable = usable_samples(voice, named)
    consent = _consent(voice, usable if named is not None else None, usable)
    covered = [sample for sample in usable if sample.sha256 in consent.samples]
    taken = covered if named is not None else _fill(covered, listener.most)
    _check(taken, listener)
    return Material(consent, taken)


def _consent(voice: Voice, all_of: Sequence[Sample] | None, some_of: Sequence[Sample]) -> Consent:
    """One that stands and covers all of these; of several that with most of those, the newest."""
    given = list(voice.consents.all())
    wanted = {sample.sha256 for sample in all_of or ()}
    standing = [one for one in given if one.withdrawn_at is None and wanted <= set(one.samples)]
    best = max(standing, key=partial(_covered_seconds, some_of), default=None)
    if best is not None and _covered_seconds(some_of, best):
        return best
    withdrawn = given and all(consent.withdrawn_at for consent in given)
    raise ConsentWithdrawnError if withdrawn else ConsentMissingError


def _covered_seconds(samples: Sequence[Sample], consent: Consent) -> float:
    return sum(sample.seconds for sample in samples if sample.sha256 in consent.samples)


def _fill(samples: Sequence[Sample], most: float) -> list[Sample]:
    """As many as it takes, in order; the first one anyway."""
    taken, seconds = list(samples[:1]), sum(sample.seconds for sample in samples[:1])
    for sample in samples[1:]:
        if seconds + sample.seconds <= most:
            taken.append(sample)
            seconds += sample.seconds
    return taken


def _check(samples: Sequence[Sample], listener: Listener) -> None:
    seconds = sum(sample.seconds for sample in samples)
    wants = f"{listener.engine} takes {listener.least:g} to {listener.most:g} seconds in all,"
    if seconds < listener.least:
        raise SamplesTooShortError(f"{wants} these are {seconds:.1f}: record some more.")
    if seconds > listener.most:
        raise SamplesTooLongError(f"{wants} these are {seconds:.1f}: name fewer.")
