"""Voices that are on their way out, what is to leave the store, and whose a job's voice is."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voices", "0003_own_voices"), ("jobs", "0009_notices")]
    operations = [
        migrations.AddField(
            model_name="voice",
            name="erasing_since",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="It is on its way out, for good.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="Removal",
            fields=[
                ("name", models.CharField(max_length=120, primary_key=True, serialize=False)),
                (
                    "asked_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
        ),
        migrations.RunSQL(
            "CREATE INDEX job_own_voice ON jobs_job ((request ->> 'own_voice'))"
            " WHERE request ? 'own_voice'",
            "DROP INDEX job_own_voice",
        ),
    ]
