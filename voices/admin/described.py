"""The form for what is said of a voice; the first clone, an editor, an erasure may come between."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from tenants.admin.edited import check_version
from voices.errors import VoiceNotFoundError
from voices.models import Voice
from voices.owning.describing import TAG, hold


class DescribedForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    def clean_language(self) -> str:
        language: str = self.cleaned_data["language"]
        if not re.fullmatch(TAG, language):
            raise ValidationError("A tag such as en-GB, es or zh-Hant.")
        return language


class VoiceForm(DescribedForm):
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Voice
        fields = ("name", "language", "description", "active")

    def clean(self) -> dict[str, Any]:
        """From here to the end of the page's transaction nobody else changes it."""
        cleaned = super().clean() or self.cleaned_data
        try:
            held = hold(self.instance)
        except VoiceNotFoundError as error:
            raise ValidationError(str(error), error.code) from error
        check_version(self, held.version)
        return cleaned
