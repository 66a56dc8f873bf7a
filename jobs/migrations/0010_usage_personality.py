"""What a personality said lately, without reading all that its tenant said."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("jobs", "0009_notices")]
    operations = [
        migrations.AddIndex(
            model_name="usage",
            index=models.Index(
                "tenant",
                "personality_id",
                "at",
                name="usage_personality",
                condition=~Q(personality_id=""),
            ),
        )
    ]
