"""Whether others wait on a job: its finish then sets them free."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_storage")]
    operations = [
        migrations.AddField(
            model_name="job",
            name="awaited",
            field=models.BooleanField(db_default=False, help_text="Others wait, or waited, on it."),
        ),
    ]
