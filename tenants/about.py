"""What the work at hand is about: the request, tenant and job that its log lines name."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    About = dict[str, Any]

_about: ContextVar[About | None] = ContextVar("about", default=None)


def about() -> About:
    """Shared by all who work on it: what a thread notes, the one that waits for it sees."""
    found = _about.get()
    return {} if found is None else found


def begin(known: About) -> None:
    """From now on this thread or task works on that."""
    _about.set(known)


def note(**known: Any) -> None:
    """More of what it is about. Nothing where nobody began."""
    if (found := _about.get()) is not None:
        found.update(known)


@contextmanager
def working_on(**known: Any) -> Iterator[None]:
    """A piece of work within the work at hand."""
    before = _about.set({**about(), **known})
    try:
        yield
    finally:
        _about.reset(before)
