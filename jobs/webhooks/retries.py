"""What follows from an answer: delivered, tried again later, or given up."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from jobs.webhooks.events import PROGRESS

if TYPE_CHECKING:
    from collections.abc import Sequence

JITTER = 0.1  # a delay is this share shorter or longer, so that what failed together parts
LONGEST_WISH = 86_400.0  # seconds a receiver may ask us to stay away

_drawn = random.SystemRandom()


def is_delivered(status: int | None) -> bool:
    return status is not None and status // 100 == HTTPStatus.OK // 100


def is_gone(status: int | None) -> bool:
    return status == HTTPStatus.GONE


def delay(delays: Sequence[float], tried: int, wish: float | None) -> float | None:
    """Seconds until the next try after `tried` of them; None where that was the last."""
    if tried > len(delays):
        return None
    planned = delays[tried - 1] * _drawn.uniform(1 - JITTER, 1 + JITTER)
    return max(planned, min(wish or 0.0, LONGEST_WISH))


def delays_for(name: str, delays: Sequence[float]) -> Sequence[float]:
    """Progress is told once: the next event says more than a second try would."""
    return () if name == PROGRESS else delays


def wished_delay(retry_after: str | None) -> float | None:
    """A Retry-After header in seconds, whichever of its two forms it has; None where it is none."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    left = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)
    return max(0.0, left.total_seconds())
