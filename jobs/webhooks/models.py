"""Tables of webhooks: where events go, and each message on its way there."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from tenants.models import Tenant


class Endpoint(models.Model):
    """Where a tenant wants events told, and how far the events have been taken up.

    The one without a URL is the tenant's own for addresses that come with requests: it holds their
    signing secret, and its messages go where their job says.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    url = models.CharField(max_length=2_000, db_default="", blank=True)
    events = ArrayField(models.CharField(max_length=40), default=list)
    description = models.CharField(max_length=200, db_default="", blank=True)
    active = models.BooleanField(db_default=True)
    disabled_reason = models.CharField(max_length=40, db_default="", blank=True)
    secret = models.CharField(max_length=100)
    old_secret = models.CharField(max_length=100, db_default="", blank=True)
    old_secret_until = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    cursor_transaction = models.BigIntegerField()
    cursor_event = models.BigIntegerField(db_default=0)
    history = models.JSONField(default=list, help_text="What was done to it, and when.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "webhook"
        indexes: ClassVar = [models.Index("tenant", "id", name="endpoint_list")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant"], name="endpoint_own", condition=Q(url=""))
        ]

    def __str__(self) -> str:
        return self.url or "addresses of single requests"


class Delivery(models.Model):
    """One event's message to one endpoint: what was sent, and what came back each time."""

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, editable=False)
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    event = models.BigIntegerField(null=True, help_text="Empty for a test.")
    job = models.UUIDField(null=True)
    name = models.CharField(max_length=40)
    message_id = models.CharField(max_length=80)
    url = models.CharField(max_length=2_000, db_default="", blank=True)
    lane = models.CharField(max_length=300, help_text="The receiver: its messages share a bound.")
    body = models.TextField()
    state = models.CharField(max_length=9, choices=State.choices, db_default=State.PENDING)
    due_at = models.DateTimeField(db_default=Now(), help_text="While it is sent: its lease.")
    fence = models.IntegerField(db_default=0)
    tried = models.IntegerField(db_default=0, help_text="Since it was made, or replayed.")
    tries = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="delivery_once")
        ]
        indexes: ClassVar = [
            models.Index("tenant", "id", name="delivery_list"),
            models.Index("job", name="delivery_job", condition=Q(job__isnull=False)),
            models.Index("lane", "due_at", name="delivery_due", condition=Q(state="pending")),
            models.Index("created_at", name="delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.message_id}"
