"""Fields of a personality's form: a slider with words, and phrases one to a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from personalities.traits import CHOICES, HIGHEST, Traits, is_line, is_prose
from personalities.wording import LABELS, LEVEL_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

USUAL = Traits().as_json()


class Slider(forms.NumberInput):
    """From 0 to the highest level; a script shows the words of where it stands."""

    input_type = "range"

    def __init__(self, words: Sequence[str]) -> None:
        told = {"data-words": json.dumps(list(words)), "class": "vm-slider"}
        super().__init__(attrs={"min": 0, "max": HIGHEST, "step": 1} | told)


class LineField(forms.CharField):
    """One line of text as it is."""

    widget = UnfoldAdminTextInputWidget

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not is_line(value):
            raise ValidationError("One line of text, without control characters.")


class ProseField(forms.CharField):
    """Text of any number of lines, kept to the letter; a form sends its line breaks as two."""

    def __init__(self, *, rows: int, **more: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": rows})
        super().__init__(strip=False, widget=widget, required=False, **more)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")

    def validate(self, value: str) -> None:
        super().validate(value)
        if not is_prose(value):
            raise ValidationError("Text, without control characters.")


class PhrasesField(forms.CharField):
    """A list of phrases, one to a line."""

    def __init__(self, **more: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})
        super().__init__(widget=widget, required=False, **more)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        lines = (line.strip() for line in str(super().to_python(value)).splitlines())
        return [line for line in lines if line]


def choice(name: str, **more: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        choices=list(LABELS[name].items()),
        coerce=CHOICES[name],
        initial=USUAL[name],
        widget=UnfoldAdminSelectWidget,
        **more,
    )


def level(name: str, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(
        min_value=0,
        max_value=HIGHEST,
        initial=USUAL[name],
        widget=Slider(LEVEL_LABELS[name]),
        **more,
    )
