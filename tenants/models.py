"""Tiers, tenants, their keys and their people. Limits are data."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F
from django.db.models.functions import Now

from tenants.roles import Role

MAX_SAMPLE = 10 * 1024 * 1024
CLONES = 30  # within an hour


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
    custom_voices = models.PositiveIntegerField(
        null=True, blank=True, help_text="Voices of its own. Empty: as many as it likes."
    )
    sample_bytes = models.PositiveIntegerField(
        default=MAX_SAMPLE, db_default=MAX_SAMPLE, help_text="The largest sample, in bytes."
    )
    clones_per_hour = models.PositiveIntegerField(
        default=CLONES, db_default=CLONES, help_text="Clones asked for within an hour."
    )
    trainings_per_hour = models.PositiveIntegerField(
        default=1, db_default=1, help_text="Trainings begun within an hour."
    )

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
    custom_voices = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: the tier's."
    )
    sample_bytes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: the tier's."
    )
    clones_per_hour = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: the tier's."
    )
    trainings_per_hour = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: the tier's."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    def limit(self, name: str) -> Any:
        """Its own where it has one, else its tier's."""
        own = getattr(self, name)
        return getattr(self.tier, name) if own is None else own


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


class Membership(models.Model):
    """A person of a tenant. The database keeps the platform's staff out, and members off staff."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="membership"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="people")
    role = models.CharField(max_length=10, choices=[(role.value, role.value) for role in Role])
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="person_role", condition=models.Q(role__in=[role.value for role in Role])
            )
        ]

    def __str__(self) -> str:
        return f"{self.user.get_username()} ({self.role})"


class SignInTries(models.Model):
    """How often a name, or an address, has tried to sign in of late. Names are kept as hashes."""

    name = models.CharField(primary_key=True, max_length=64)
    tries = models.PositiveIntegerField()
    counted_from = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.tries} tries"


class AuditLine(models.Model):
    """Who did what to what. The database lets nobody change or delete it."""

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.PROTECT, related_name="+")
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=40)
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=60, blank=True)
    object_name = models.CharField(max_length=120, blank=True)
    detail = models.JSONField(default=dict)
    request_id = models.CharField(max_length=128, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "audit line"
        verbose_name_plural = "audit log"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index("tenant", F("id").desc(), name="audit_tenant")]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action}"
