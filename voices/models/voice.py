"""Voices, their revisions, and how engines speak those."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from tenants.models import Tenant


class Status(models.TextChoices):
    """How far a tenant's own voice is. A stock voice is ready."""

    NONE = "none"
    TRAINING = "training"
    READY = "ready"
    FAILED = "failed"


class Voice(models.Model):
    """A voice somebody can ask for. Stock voices belong to no tenant and are seen by all."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(
        Tenant, null=True, blank=True, on_delete=models.PROTECT, related_name="voices"
    )
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=35, help_text="BCP 47, such as en-GB.")
    gender = models.CharField(max_length=20, blank=True, default="")
    description = models.TextField(blank=True, default="")
    licence = models.CharField(max_length=120, blank=True, default="")
    commercial = models.BooleanField(default=True, help_text="May be used commercially.")
    active = models.BooleanField(default=True)
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.READY, db_default=Status.READY.value
    )
    trouble = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="Why it failed."
    )
    version = models.PositiveIntegerField(default=1, db_default=1)
    erasing_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="It is on its way out, for good."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["slug"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["slug"], name="voice_stock_slug", condition=Q(tenant__isnull=True)
            ),
            models.UniqueConstraint(
                fields=["tenant", "slug"],
                name="voice_tenant_slug",
                condition=Q(tenant__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Revision(models.Model):
    """How a voice sounds. Once published it never changes; jobs pin it when they are accepted."""

    class State(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        RETIRED = "retired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    voice = models.ForeignKey(Voice, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    settings = models.JSONField(default=dict, blank=True, help_text="Dials, by name.")
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["voice", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["voice", "number"], name="revision_number"),
            models.UniqueConstraint(
                fields=["voice"], name="revision_published", condition=Q(state="published")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.voice} r{self.number}"


class Binding(models.Model):
    """How one engine speaks a revision: with which model, and which speaker of it."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="bindings")
    engine = models.CharField(max_length=40)
    model = models.CharField(max_length=200, help_text="The engine's name of the model.")
    speaker = models.PositiveIntegerField(null=True, blank=True)
    artifact = models.ForeignKey(
        "voices.Artifact", null=True, blank=True, on_delete=models.PROTECT, related_name="bindings"
    )
    substitute = models.BooleanField(
        default=False, help_text="Another speaker, standing in: used only where that is allowed."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["revision", "engine"], name="binding_engine")
        ]

    def __str__(self) -> str:
        return f"{self.engine}: {self.model}"
