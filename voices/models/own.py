"""What a voice of one's own is made from: samples, consent, the making, what an engine kept."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from tenants.models import Tenant
from voices.models.voice import Voice


class Sample(models.Model):
    """A recording somebody uploaded for a voice, and what the probe thinks of it."""

    class State(models.TextChoices):
        PROBING = "probing"
        ACCEPTED = "accepted"
        WARNED = "warned", "a person decides"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="samples")
    name = models.CharField(max_length=120, help_text="The file's name, as it was given.")
    original = models.CharField(max_length=64, help_text="The upload's hash.")
    original_bytes = models.PositiveBigIntegerField()
    original_kept = models.BooleanField(default=True)
    job_id = models.UUIDField(null=True, help_text="The job that probes it.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.PROBING)
    sha256 = models.CharField(max_length=64, blank=True, default="", help_text="The canonical WAV.")
    seconds = models.FloatField(default=0.0)
    verdict = models.JSONField(default=dict, help_text="Measures, reasons and peaks.")
    approved = models.BooleanField(
        null=True, help_text="What a person decided where the probe only warned."
    )
    transcript = models.JSONField(
        null=True, help_text="What is said in it: the file's format and text, as uploaded."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["voice", "original"], name="voice_sample_once"),
            models.CheckConstraint(
                name="voice_sample_heard",
                condition=Q(state__in=["probing", "rejected"]) | ~Q(sha256=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def transcript_format(self) -> str | None:
        """Where it is read by itself, what is said is not read for it."""
        return self.transcript["format"] if self.transcript else None

    @property
    def usable(self) -> bool:
        """What a voice may be made from."""
        warned = self.state == self.State.WARNED and self.approved is True
        return self.state == self.State.ACCEPTED or warned


class Consent(models.Model):
    """Somebody allows that a voice is made from these recordings of theirs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="consents")
    speaker = models.CharField(max_length=120, help_text="Whose voice it is.")
    text_version = models.CharField(max_length=20, help_text="Which words were agreed to.")
    recorded_by = models.CharField(max_length=150, help_text="Who noted it here.")
    samples = models.JSONField(help_text="Hashes of the recordings it covers.")
    recording = models.ForeignKey(
        Sample,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The consent itself, spoken.",
    )
    given_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-given_at"]

    def __str__(self) -> str:
        return f"{self.speaker}, {self.text_version}"


class Making(models.Model):
    """A clone or training under way, or done: which job, from which samples, allowed by whom."""

    job_id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="makings")
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="makings")
    kind = models.CharField(max_length=10)
    engine = models.CharField(max_length=40)
    samples = models.JSONField(help_text="Hashes of the recordings it is made from.")
    about = models.JSONField(null=True, help_text="A training's: what its data set is like.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.voice_id} with {self.engine}"


class Loss(models.Model):
    """How wrong a training was at a step: a point of its curve."""

    making = models.ForeignKey(Making, on_delete=models.CASCADE, related_name="losses")
    step = models.PositiveIntegerField()
    losses = models.JSONField(help_text="By name.")

    class Meta:
        ordering: ClassVar = ["step"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["making", "step"], name="one_loss_a_step")
        ]

    def __str__(self) -> str:
        return f"step {self.step}"


class Artifact(models.Model):
    """What an engine keeps of a cloned or trained speaker, in the store under its hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    voice = models.ForeignKey(Voice, on_delete=models.PROTECT, related_name="artifacts")
    making = models.OneToOneField(Making, on_delete=models.PROTECT, related_name="artifact")
    engine = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveBigIntegerField()
    about = models.JSONField(default=dict, help_text="Model revision, parameters, likeness.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.engine}: {self.sha256[:12]}"


class Removal(models.Model):
    """An object that is to leave the store as soon as that lets it, unless a row names it."""

    name = models.CharField(primary_key=True, max_length=120)
    asked_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())  # until then somebody is at it

    def __str__(self) -> str:
        return self.name
