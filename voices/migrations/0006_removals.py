"""When an object that is to leave the store is next to be tried, and whether a row names it."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voices", "0005_owning")]
    operations = [
        migrations.AddField(
            model_name="removal",
            name="due_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AddIndex(
            model_name="render", index=models.Index(models.F("sha256"), name="render_sha256")
        ),
        migrations.AddIndex(
            model_name="variant", index=models.Index(models.F("sha256"), name="variant_sha256")
        ),
    ]
