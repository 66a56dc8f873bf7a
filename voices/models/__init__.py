"""The voices' tables."""

from voices.models.own import Artifact, Consent, Making, Sample
from voices.models.render import Render, Variant
from voices.models.voice import Binding, Revision, Status, Voice

__all__ = [
    "Artifact",
    "Binding",
    "Consent",
    "Making",
    "Render",
    "Revision",
    "Sample",
    "Status",
    "Variant",
    "Voice",
]
