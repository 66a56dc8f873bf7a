"""Tiers, tenants and the keys they call with. Limits are data."""

from __future__ import annotations

import uuid

from django.core.validators import MinValueValidator
from django.db import models


class Tier(models.Model):
    """What a plan allows. A tenant may have limits of its own over these."""

    slug = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=80)
    speaks = models.BooleanField(default=True, help_text="May have text spoken at all.")
    weight = models.FloatField(
        default=1.0, validators=[MinValueValidator(0.01)], help_text="Share of a busy queue."
    )
    max_running = models.PositiveIntegerField(
        default=8, help_text="Jobs in flight at once on each hardware class."
    )
    max_queued = models.PositiveIntegerField(
        default=20_000, help_text="Jobs accepted and not yet ended; past it submits get 429."
    )
    result_days = models.PositiveIntegerField(default=30, help_text="Days a result is kept.")

    class Meta:
        ordering = ["weight", "slug"]

    def __str__(self) -> str:
        return self.name


class Tenant(models.Model):
    """A customer. Everything a tenant owns carries its id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=120)
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="tenants")
    active = models.BooleanField(default=True, help_text="Its keys work only while this is on.")
    commercial = models.BooleanField(
        default=True, help_text="Uses the audio commercially: non-commercial models are kept away."
    )
    weight = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.01)], help_text="Empty: the tier's."
    )
    max_running = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: the tier's.")
    max_queued = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: the tier's.")
    result_days = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: the tier's.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """One key of a tenant: the secret is shown once and stored as its SHA-256."""

    id = models.CharField(primary_key=True, max_length=16, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=80)
    secret_sha256 = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} (vm_{self.id}_…)"
