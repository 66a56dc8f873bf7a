"""The form for a voice of one's own: what cannot be is said beside what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import transaction

from tenants.limits import LimitReachedError
from voices.admin.described import DescribedForm
from voices.errors import VoiceError
from voices.models import Voice
from voices.owning.describing import check_room, check_slug

if TYPE_CHECKING:
    from uuid import UUID


class NewVoiceForm(DescribedForm):
    own_tenant: ClassVar[UUID | None]  # None: the platform's staff choose one

    class Meta:
        model = Voice
        fields = ("tenant", "name", "slug", "language", "gender", "description")
        labels: ClassVar = {"slug": "Short name"}
        help_texts: ClassVar = {
            "tenant": "Whose voice it will be; it cannot be given to another later.",
            "slug": "Programs ask for the voice by it; it cannot be changed later.",
            "language": "Of the recordings, such as en-GB or es.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "tenant" in self.fields:
            self.fields["tenant"].required = True  # stock voices come from the catalogue

    @property
    def tenant_id(self) -> UUID | None:
        """Whose it will be, as far as that is known."""
        chosen = self.cleaned_data.get("tenant")
        return chosen.id if chosen else self.own_tenant

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if (tenant_id := self.tenant_id) is None:
            return cleaned
        try:
            with transaction.atomic():
                check_room(tenant_id, more=1)
            if "slug" in cleaned:
                check_slug(tenant_id, cleaned["slug"])
        except (VoiceError, LimitReachedError) as error:
            raise ValidationError(str(error), error.code) from error
        return cleaned
