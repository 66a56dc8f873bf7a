"""Renders, and the files encoded from them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from tenants.models import Tenant


class Render(models.Model):
    """One text spoken once: the unit of cache and single flight. Ready when it names its audio."""

    key = models.CharField(primary_key=True, max_length=64)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    job_id = models.UUIDField(null=True, help_text="The job that makes, or made, it.")
    sha256 = models.CharField(max_length=64, db_default="")
    seconds = models.FloatField(db_default=0.0)
    sample_rate = models.IntegerField(db_default=0)
    engine = models.CharField(max_length=40, db_default="")
    voice_id = models.UUIDField(null=True, help_text="The tenant's own voice, if it spoke it.")
    created_at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index("used_at", name="render_used"),
            models.Index("sha256", name="render_sha256"),
            models.Index("voice_id", name="render_voice", condition=Q(voice_id__isnull=False)),
        ]

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
        indexes: ClassVar = [models.Index("sha256", name="variant_sha256")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["render", "format", "sample_rate", "loudness"], name="variant_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.render_id}"
