"""A job, its charge and its event."""

from __future__ import annotations

import uuid

from django.db import models


class Job(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.IntegerField(default=1)
    kind = models.CharField(max_length=40, default="synthesize")
    state = models.CharField(max_length=12, default="queued", db_index=True)
    attempt = models.IntegerField(default=0)
    request = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "classic"

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Usage(models.Model):
    job = models.OneToOneField(Job, on_delete=models.PROTECT)
    tenant = models.IntegerField()
    characters = models.IntegerField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "classic"

    def __str__(self) -> str:
        return f"usage of {self.job_id}"


class Event(models.Model):
    job = models.ForeignKey(Job, on_delete=models.CASCADE)
    name = models.CharField(max_length=40)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "classic"

    def __str__(self) -> str:
        return f"{self.name} of {self.job_id}"
