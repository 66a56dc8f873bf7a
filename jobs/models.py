"""The ledger's tables: jobs, what they wait on, events, usage, lanes, workers, offers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from jobs.measures import Sample, Tally  # noqa: F401 - Django finds models here
from jobs.states import Bond, Priority, State
from jobs.webhooks.models import Delivery, Endpoint  # noqa: F401 - and here
from tenants.models import Tenant


class Job(models.Model):
    """One piece of work. Its state changes only through jobs.services."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    state = models.CharField(
        max_length=12, choices=[(s.value, s.value) for s in State], db_default=State.QUEUED.value
    )
    priority = models.SmallIntegerField(
        choices=[(p.value, p.name.lower()) for p in Priority], db_default=Priority.STANDARD.value
    )
    queue = models.CharField(max_length=40, help_text="The hardware class of the current step.")
    request = models.JSONField(default=dict)
    plan = models.JSONField(default=list, help_text="Steps in order: engine, queue, binding.")
    step = models.SmallIntegerField(db_default=0)
    trail = models.JSONField(default=list, help_text="What happened on the way, and why.")
    cost = models.FloatField(db_default=1.0, help_text="Expected seconds of work.")

    attempt = models.IntegerField(db_default=0)
    failures = models.SmallIntegerField(db_default=0, help_text="Passing failures of this step.")
    lost_leases = models.SmallIntegerField(db_default=0)
    fence = models.IntegerField(db_default=0)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, db_default="", blank=True)
    progress = models.FloatField(db_default=0.0)
    checkpoint = models.JSONField(null=True)
    cancel_requested = models.BooleanField(db_default=False)
    pending = models.IntegerField(db_default=0, help_text="Jobs it still waits on.")
    awaited = models.BooleanField(db_default=False, help_text="Others wait, or waited, on it.")

    not_before = models.DateTimeField(null=True)
    deadline = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    rung_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    result = models.JSONField(null=True)
    error_code = models.CharField(max_length=60, db_default="", blank=True)
    error_message = models.TextField(db_default="", blank=True)
    events = models.IntegerField(
        db_default=0, help_text="Events so far; the next one's number - 1."
    )

    personality_id = models.CharField(max_length=60, db_default="", blank=True)
    batch_id = models.UUIDField(null=True)
    retry_of = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="retries", db_index=False
    )
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 - null is "none", and unique
    body_hash = models.CharField(max_length=64, db_default="", blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index("tenant", "id", name="job_list"),
            models.Index("tenant", name="job_live", condition=Q(ended_at__isnull=True)),
            models.Index(
                "queue",
                "tenant",
                "priority",
                "id",
                name="job_head",
                condition=Q(state=State.QUEUED, lost_leases__lt=2),
            ),
            models.Index(
                "queue",
                "id",
                name="job_suspect",
                condition=Q(state=State.QUEUED, lost_leases__gte=2),
            ),
            models.Index(
                "queue",
                "tenant",
                name="job_flight",
                condition=Q(state__in=[State.RUNG, State.RUNNING]),
            ),
            models.Index(
                "not_before", name="job_due", condition=Q(state=State.WAITING, pending__lte=0)
            ),
            models.Index(
                "deadline",
                name="job_deadline",
                condition=Q(
                    state__in=[State.WAITING, State.QUEUED, State.RUNG], deadline__isnull=False
                ),
            ),
            models.Index("batch_id", name="job_batch", condition=Q(batch_id__isnull=False)),
            models.Index("ended_at", name="job_ended", condition=Q(ended_at__isnull=False)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "idempotency_key"],
                name="job_idempotent",
                condition=Q(idempotency_key__isnull=False),
            ),
            models.CheckConstraint(
                name="job_state_known", condition=Q(state__in=[s.value for s in State])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Edge(models.Model):
    """One job waits on another."""

    waiter = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="waits_on")
    awaited = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="awaited_by")
    bond = models.CharField(max_length=4, choices=[(b.value, b.value) for b in Bond])

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["waiter", "awaited"], name="edge_once")
        ]

    def __str__(self) -> str:
        return f"{self.waiter_id} waits on {self.awaited_id}"


class TransactionId(models.Func):
    """The transaction that writes the row: events are told in the order of their commits."""

    template = "pg_current_xact_id()::text::bigint"
    output_field = models.BigIntegerField()


class Event(models.Model):
    """What happened to a job, numbered under its row lock; or, without a job, to its tenant."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="event_rows", null=True)
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    number = models.IntegerField()
    name = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Now())
    transaction = models.BigIntegerField(db_default=TransactionId())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "number"], name="event_number")
        ]
        indexes: ClassVar = [models.Index("tenant", "transaction", "id", name="event_stream")]

    def __str__(self) -> str:
        return f"{self.name} #{self.number} of {self.job_id}"


class Notice(models.Model):
    """When a tenant was last told of something that would only be repeated."""

    pk = models.CompositePrimaryKey("tenant", "name", "subject")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=40)
    subject = models.CharField(max_length=80)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.name} {self.subject} of {self.tenant_id}"


class Forgotten(models.Model):
    """How far a tenant's events have been forgotten: who stands before this has missed some."""

    tenant = models.OneToOneField(
        Tenant, models.PROTECT, primary_key=True, related_name="+", db_constraint=False
    )
    transaction = models.BigIntegerField()
    event = models.BigIntegerField()

    def __str__(self) -> str:
        return f"forgotten up to {self.transaction}-{self.event}"


class Usage(models.Model):
    """What a job is charged for: amounts and opaque labels. One row for a job, ever."""

    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="usage")
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    personality_id = models.CharField(max_length=60, db_default="", blank=True)
    voice = models.CharField(max_length=80, db_default="", blank=True)
    provider = models.CharField(max_length=40, db_default="", blank=True)
    characters = models.IntegerField(db_default=0)
    audio_seconds = models.FloatField(db_default=0.0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, db_default=0)
    cached = models.BooleanField(db_default=False)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index("tenant", "at", name="usage_list"),
            models.Index(
                "tenant",
                "personality_id",
                "at",
                name="usage_personality",
                condition=~Q(personality_id=""),
            ),
        ]
        verbose_name_plural = "usage"

    def __str__(self) -> str:
        return f"usage of {self.job_id}"


class Queue(models.Model):
    """A hardware class: its clock of fair shares, and whether it is paused."""

    name = models.CharField(primary_key=True, max_length=40)
    paused = models.BooleanField(db_default=False)
    clock = models.FloatField(db_default=0.0, editable=False)
    filled_by = models.BigIntegerField(db_default=0, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Lane(models.Model):
    """A tenant's line in a queue. `position` is how much of its share it has had."""

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, db_index=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    position = models.FloatField(db_default=0.0)
    ready = models.BooleanField(db_default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["queue", "tenant"], name="lane_once")
        ]
        indexes: ClassVar = [
            models.Index("queue", "position", name="lane_ready", condition=Q(ready=True))
        ]

    def __str__(self) -> str:
        return f"{self.tenant_id} on {self.queue_id}"


class Worker(models.Model):
    """A worker process that announced itself, alive while its heartbeat is fresh."""

    name = models.CharField(primary_key=True, max_length=120)
    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="workers")
    slots = models.PositiveIntegerField(db_default=1)
    pid = models.IntegerField(db_default=0)
    memory_mb = models.IntegerField(db_default=0)
    engines = models.JSONField(default=list)
    started_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now())
    drain_asked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["queue", "name"]

    def __str__(self) -> str:
        return self.name


class Offer(models.Model):
    """An engine's capabilities on a queue, kept when its last worker is gone."""

    engine = models.CharField(max_length=40)
    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="offers")
    capabilities = models.JSONField(default=dict)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["engine", "queue"], name="offer_once")
        ]

    def __str__(self) -> str:
        return f"{self.engine} on {self.queue_id}"
