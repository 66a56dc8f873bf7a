"""Personalities, and which tenants have had theirs to begin with."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from jobs.services.accept import new_job_id
from personalities.prompt import Portrait, Prompt, build_prompt
from personalities.traits import ResponseStyle, Traits
from tenants.models import Tenant
from voices.models import Voice


class Personality(models.Model):
    """Somebody a tenant's customers talk to. Changed through personalities.services alone."""

    id = models.UUIDField(primary_key=True, default=new_job_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    slug = models.SlugField(max_length=60, db_index=False)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=120, blank=True, default="")
    description = models.TextField(blank=True, default="", help_text="For people; no prompt.")
    greeting = models.TextField(blank=True, default="", help_text="Its first words.")
    traits = models.JSONField(default=dict, blank=True)
    style = models.JSONField(default=dict, blank=True)
    system_prompt = models.TextField(blank=True, default="", help_text="What else it must know.")
    active = models.BooleanField(default=True)
    primary = models.BooleanField(default=False, help_text="Answers where nobody else is named.")
    voice = models.ForeignKey(
        Voice, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    fallback_engine = models.CharField(max_length=40, blank=True, default="")
    fallback_voice = models.ForeignKey(
        Voice, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    own_voice = models.ForeignKey(
        Voice,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Made for it through its addresses; what it speaks with is `voice`.",
    )
    version = models.PositiveIntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["id"]
        verbose_name_plural = "personalities"
        indexes: ClassVar = [models.Index("tenant", "id", name="personality_list")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="personality_slug"),
            models.UniqueConstraint(
                fields=["tenant"], name="personality_primary", condition=Q(primary=True)
            ),
            models.CheckConstraint(
                name="personality_primary_active", condition=Q(primary=False) | Q(active=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def read_traits(self) -> Traits:
        return Traits.stored(self.traits)

    def read_style(self) -> ResponseStyle:
        return ResponseStyle.stored(self.style)

    def portrait(self) -> Portrait:
        return Portrait(
            name=self.name,
            role=self.role,
            greeting=self.greeting,
            traits=self.read_traits(),
            style=self.read_style(),
            system_prompt=self.system_prompt,
        )

    def prompt(self) -> Prompt:
        return build_prompt(self.portrait())


class Settled(models.Model):
    """This tenant was given the default personalities; whatever became of them, not again."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.tenant_id} since {self.at}"
