"""What is said in a sample, and how a training goes."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voices", "0006_removals")]
    operations = [
        migrations.AddField(
            model_name="sample",
            name="transcript",
            field=models.JSONField(
                help_text="What is said in it: the file's format and text, as uploaded.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="making",
            name="about",
            field=models.JSONField(
                help_text="A training's: what its data set is like.", null=True
            ),
        ),
        migrations.CreateModel(
            name="Loss",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("step", models.PositiveIntegerField()),
                ("losses", models.JSONField(help_text="By name.")),
                (
                    "making",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="losses",
                        to="voices.making",
                    ),
                ),
            ],
            options={
                "ordering": ["step"],
                "constraints": [
                    models.UniqueConstraint(fields=("making", "step"), name="one_loss_a_step")
                ],
            },
        ),
        migrations.RunSQL(
            "CREATE INDEX job_checkpoint ON jobs_job ((checkpoint ->> 'sha256'))"
            " WHERE checkpoint ->> 'sha256' IS NOT NULL",
            "DROP INDEX job_checkpoint",
        ),
    ]
