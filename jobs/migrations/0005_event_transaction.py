"""Events carry the transaction that wrote them: a tenant's stream is told in that order."""

from django.db import migrations, models

import jobs.models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_job_deadline")]
    operations = [
        migrations.AddField(
            model_name="event",
            name="transaction",
            field=models.BigIntegerField(db_default=jobs.models.TransactionId()),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                models.F("tenant"), models.F("transaction"), models.F("id"), name="event_stream"
            ),
        ),
    ]
