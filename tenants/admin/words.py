"""Times, amounts and labels as the admin's pages say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.html import format_html

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from django.utils.safestring import SafeString

NOTHING = "-"
MINUTE, HOUR, DAY = 60, 3_600, 86_400
SOON = 10  # seconds below which tenths are told


def badge(text: str, tone: str = "plain", title: str = "") -> SafeString:
    """A coloured label. Tones: plain, info, good, warn, bad."""
    return format_html('<span class="vm-badge vm-{}" title="{}">{}</span>', tone, title, text)


def duration(seconds: float) -> str:
    """Two units at most: 4.2 s, 41 s, 3 min 20 s, 2 h 5 min, 3 days."""
    if seconds < SOON:
        return f"{seconds:.1f} s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return _two(int(seconds), MINUTE, "min", 1, "s")
    if seconds < DAY:
        return _two(int(seconds), HOUR, "h", MINUTE, "min")
    days = int(seconds // DAY)
    return f"{days:,} day{'s' if days > 1 else ''}"


def _two(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large} {large_name}" + (f" {rest} {small_name}" if rest else "")


def lasted(span: timedelta) -> str:
    return duration(max(0.0, span.total_seconds()))


def when(moment: datetime | None) -> SafeString | str:
    """How long ago, or in how long; the exact time shows on hovering."""
    if moment is None:
        return NOTHING
    return format_html(
        '<time class="vm-time" datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        exact(moment),
        _relative((timezone.now() - moment).total_seconds()),
    )


def _relative(span: float) -> str:
    if abs(span) < SOON:
        return "just now" if span >= 0 else "in a moment"
    return f"{duration(span)} ago" if span > 0 else f"in {duration(-span)}"


def exact(moment: datetime | None) -> str:
    return f"{moment:%-d %B %Y, %H:%M:%S} UTC" if moment else NOTHING


def listed(values: Mapping[str, object]) -> str:
    """A small document in words: "speed 1.2, pitch 0"."""
    return ", ".join(f"{name.replace('_', ' ')} {plain(value)}" for name, value in values.items())


def plain(value: object) -> str:
    """A value of a document as text: yes and no, numbers with separators, lists with commas."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.10g}" if isinstance(value, float) else f"{value:,}"
    if isinstance(value, dict):
        return listed(value)
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    return str(value)
