"""The voices' tables."""

from voices.models.own import Artifact, Consent, Loss, Making, Removal, Sample
from voices.models.render import Render, Variant
from voices.models.voice import Binding, Revision, Status, Voice

__all__ = [
    "Artifact",
    "Binding",
    "Consent",
    "Loss",
    "Making",
    "Removal",
    "Render",
    "Revision",
    "Sample",
    "Status",
    "Variant",
    "Voice",
]
