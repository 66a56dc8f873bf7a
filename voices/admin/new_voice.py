"""The form for a voice of one's own: what cannot be is said beside what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from tenants.limits import LimitReachedError
from voices.errors import VoiceError
from voices.models import Voice
from voices.owning.describing import check_room, check_slug

if TYPE_CHECKING:
    from uuid import UUID


class NewVoiceForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    tenant_id: ClassVar[UUID]

    class Meta:
        model = Voice
        fields = ("name", "slug", "language", "gender", "description")
        labels: ClassVar = {"slug": "Short name"}
        help_texts: ClassVar = {
            "slug": "Programs ask for the voice by it; it cannot be changed later.",
            "language": "Of the recordings, such as en-GB or es.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            with transaction.atomic():
                check_room(self.tenant_id, more=1)
            check_slug(self.tenant_id, cleaned.get("slug", ""))
        except (VoiceError, LimitReachedError) as error:
            raise ValidationError(str(error), error.code) from error
        return cleaned
