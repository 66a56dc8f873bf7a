"""Jobs without a deadline need no place in the index of deadlines."""

from django.db import migrations, models

from jobs.states import State


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_job_awaited")]
    operations = [
        migrations.RemoveIndex(model_name="job", name="job_deadline"),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                models.F("deadline"),
                condition=models.Q(
                    ("deadline__isnull", False),
                    ("state__in", [State.WAITING, State.QUEUED, State.RUNG]),
                ),
                name="job_deadline",
            ),
        ),
    ]
