"""Forms that two people may have open at one time: the second to save is told, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from django.forms import ModelForm

CHANGED = (
    "Somebody else has changed this since you opened it. What you entered is still here: compare it"
    " with the page in another tab, and save again to put yours in its place."
)


def check_version(form: ModelForm[Any], version: int | None) -> None:
    """From then on the form carries the version there is, and may be saved over it."""
    if form.cleaned_data.get("version") == version:
        return
    data: Any = form.data.copy()  # type: ignore[attr-defined]  # a QueryDict
    data[form.add_prefix("version")] = str(version)
    form.data = data
    raise ValidationError(CHANGED, "version_changed")
