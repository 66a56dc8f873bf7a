"""The orphan sweep asks which results name a file."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("voices", "0001_initial"), ("jobs", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX job_result_sha256 ON jobs_job ((result ->> 'sha256'))"
            " WHERE result IS NOT NULL",
            "DROP INDEX job_result_sha256",
        )
    ]
