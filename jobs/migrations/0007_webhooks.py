"""Webhooks: endpoints, and what is delivered to them."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0006_forgotten"),
        ("tenants", "0002_tiers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("url", models.CharField(blank=True, db_default="", max_length=2000)),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None
                    ),
                ),
                ("description", models.CharField(blank=True, db_default="", max_length=200)),
                ("active", models.BooleanField(db_default=True)),
                ("disabled_reason", models.CharField(blank=True, db_default="", max_length=40)),
                ("secret", models.CharField(max_length=100)),
                ("old_secret", models.CharField(blank=True, db_default="", max_length=100)),
                ("old_secret_until", models.DateTimeField(null=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("cursor_transaction", models.BigIntegerField()),
                ("cursor_event", models.BigIntegerField(db_default=0)),
                (
                    "history",
                    models.JSONField(default=list, help_text="What was done to it, and when."),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook",
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("event", models.BigIntegerField(help_text="Empty for a test.", null=True)),
                ("job", models.UUIDField(null=True)),
                ("name", models.CharField(max_length=40)),
                ("message_id", models.CharField(max_length=80)),
                ("url", models.CharField(blank=True, db_default="", max_length=2000)),
                (
                    "lane",
                    models.CharField(
                        help_text="The receiver: its messages share a bound.", max_length=300
                    ),
                ),
                ("body", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                        ],
                        db_default="pending",
                        max_length=9,
                    ),
                ),
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="While it is sent: its lease.",
                    ),
                ),
                ("fence", models.IntegerField(db_default=0)),
                (
                    "tried",
                    models.IntegerField(db_default=0, help_text="Since it was made, or replayed."),
                ),
                ("tries", models.JSONField(default=list)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="jobs.endpoint",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "deliveries",
            },
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(models.F("tenant"), models.F("id"), name="endpoint_list"),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.UniqueConstraint(
                condition=models.Q(("url", "")), fields=("tenant",), name="endpoint_own"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(models.F("tenant"), models.F("id"), name="delivery_list"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                models.F("job"), condition=models.Q(("job__isnull", False)), name="delivery_job"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                models.F("lane"),
                models.F("due_at"),
                condition=models.Q(("state", "pending")),
                name="delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(models.F("created_at"), name="delivery_age"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(fields=("endpoint", "event"), name="delivery_once"),
        ),
    ]
