"""A tenant's limits as people read and write them: sizes in megabytes, an empty one the tier's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.forms import FloatField, ModelForm
from django.utils.html import format_html

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenants.models import Tenant, Tier

LIMITS = {
    "weight": ("Share of a busy queue", "Twice the weight is twice the share."),
    "max_running": ("Jobs at once", "Jobs in flight at once on each hardware class."),
    "max_queued": ("Jobs unfinished", "Accepted and not yet ended; more are turned away."),
    "result_days": ("Days results are kept", "Then text and audio are forgotten."),
    "custom_voices": ("Voices of its own", "More are refused."),
    "sample_bytes": ("Megabytes of a sample", "A larger one is refused."),
    "clones_per_hour": ("Clones within an hour", "One more has to wait."),
    "trainings_per_hour": ("Trainings within an hour", "One more has to wait."),
}
SIZES = {"sample_bytes"}
MEGABYTE = 1024 * 1024
NO_LIMIT = "as many as it likes"


class Megabytes(FloatField):
    """Bytes in the ledger."""

    def to_python(self, value: Any) -> Any:
        megabytes = super().to_python(value)
        return None if megabytes is None else round(megabytes * MEGABYTE)

    def prepare_value(self, value: Any) -> Any:
        return f"{value / MEGABYTE:g}" if isinstance(value, int) else value


class LimitsForm(ModelForm):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in SIZES & self.fields.keys():
            field = self.fields[name]
            field.widget.attrs |= {"step": "any", "min": "0"}
            self.fields[name] = Megabytes(required=field.required, widget=field.widget)
        for name in LIMITS.keys() & self.fields.keys():
            self.fields[name].label, self.fields[name].help_text = LIMITS[name]
        if "custom_voices" in self.fields:
            self.fields["custom_voices"].help_text = f"More are refused. Empty: {NO_LIMIT}."


def limit_words(name: str, value: Any) -> str:
    if value is None:
        return NO_LIMIT
    return f"{value / MEGABYTE:g}" if name in SIZES else f"{value:,g}"


def limit_help(tier: Tier | None, name: str) -> str:
    """Safe HTML: a tier's name is somebody's input."""
    meaning = LIMITS[name][1]
    if tier is None:
        return f"{meaning} Empty: the tier's."
    words = limit_words(name, getattr(tier, name))
    return format_html("{} Empty: {}, as in {}.", meaning, words, tier.name)


def allowances(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """What counts for the tenant: its own limit, or its tier's."""
    for name, (label, _) in LIMITS.items():
        yield label, limit_words(name, tenant.limit(name))
