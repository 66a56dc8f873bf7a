"""Voices, their revisions and bindings; renders and the files encoded from them."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from tenants.models import Tenant


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
    substitute = models.BooleanField(
        default=False, help_text="Another speaker, standing in: used only where that is allowed."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["revision", "engine"], name="binding_engine")
        ]

    def __str__(self) -> str:
        return f"{self.engine}: {self.model}"


class Render(models.Model):
    """One text spoken once: the unit of cache and single flight. Ready when it names its audio."""

    key = models.CharField(primary_key=True, max_length=64)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    job_id = models.UUIDField(null=True, help_text="The job that makes, or made, it.")
    sha256 = models.CharField(max_length=64, db_default="")
    seconds = models.FloatField(db_default=0.0)
    sample_rate = models.IntegerField(db_default=0)
    engine = models.CharField(max_length=40, db_default="")
    created_at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index("used_at", name="render_used")]

    def __str__(self) -> str:
        return self.key


class Variant(models.Model):
    """A render as a file somebody asked for: container, sample rate, loudness set."""

    render = models.ForeignKey(Render, on_delete=models.CASCADE, related_name="variants")
    format = models.CharField(max_length=10)
    sample_rate = models.IntegerField(help_text="As asked for; 0 is the render's own.")
    file_rate = models.IntegerField()
    loudness = models.FloatField()
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["render", "format", "sample_rate", "loudness"], name="variant_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.render_id}"
