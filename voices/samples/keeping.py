"""What lies in the store for a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voices.named import CANONICAL
from voices.store import audio_name, upload_name

if TYPE_CHECKING:
    from voices.models import Sample


def names_of(sample: Sample) -> list[str]:
    """The upload as it came, and what was made of it, where there is something."""
    original = upload_name(sample.tenant_id, sample.original)
    if not sample.sha256:
        return [original]
    return [original, audio_name(sample.tenant_id, sample.sha256, CANONICAL)]
