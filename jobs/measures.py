"""What the ledger keeps of how it went: counts since it began, and how each queue stood."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Tally(models.Model):
    """How often something happened, since the ledger began: what the fleet's processes add up."""

    pk = models.CompositePrimaryKey("name", "labels")
    name = models.CharField(max_length=80)
    labels = models.CharField(max_length=300, blank=True)
    value = models.FloatField()

    def __str__(self) -> str:
        return f"{self.name}{{{self.labels}}} {self.value:g}"


class Sample(models.Model):
    """How a queue stood at a moment; what is counted is counted since the ledger began."""

    queue = models.ForeignKey(
        "jobs.Queue", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    at = models.DateTimeField()
    depth = models.IntegerField()
    seconds = models.FloatField(help_text="Expected seconds of work in line.")
    oldest = models.FloatField(help_text="Seconds the oldest in line has waited.")
    running = models.IntegerField()
    slots = models.IntegerField()
    done = models.BigIntegerField()
    failed = models.BigIntegerField()
    waits = models.JSONField(default=dict, help_text="Jobs that waited no longer, by seconds.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["queue", "at"], name="sample_once")
        ]

    def __str__(self) -> str:
        return f"{self.queue_id} at {self.at:%H:%M:%S}"
