"""The tiers every installation starts with. An operator changes them in the admin."""

from django.db import migrations

TIERS = [
    {"slug": "free", "name": "Free (text only)", "speaks": False, "weight": 0.5, "max_running": 1, "max_queued": 10},
    {"slug": "small-business", "name": "Small business", "weight": 1.0, "max_running": 8, "max_queued": 5_000},
    {"slug": "professional", "name": "Professional", "weight": 2.0, "max_running": 32, "max_queued": 20_000},
    {"slug": "enterprise", "name": "Enterprise", "weight": 4.0, "max_running": 256, "max_queued": 200_000},
]


def load_tiers(apps, schema_editor):
    tier = apps.get_model("tenants", "Tier")
    tier.objects.bulk_create([tier(**row) for row in TIERS], ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]
    operations = [migrations.RunPython(load_tiers, migrations.RunPython.noop)]
