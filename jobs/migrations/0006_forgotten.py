"""How far each tenant's events have been forgotten, so that a client learns what it has missed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_event_transaction")]
    operations = [
        migrations.CreateModel(
            name="Forgotten",
            fields=[
                (
                    "tenant",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="tenants.tenant",
                    ),
                ),
                ("transaction", models.BigIntegerField()),
                ("event", models.BigIntegerField()),
            ],
        )
    ]
