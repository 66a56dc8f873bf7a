"""How PostgreSQL stores rows that change often: room on the page, and early vacuums."""

from django.db import migrations

TUNED = {
    "jobs_job": "autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=1000,"
    " autovacuum_vacuum_insert_scale_factor=0.2",
    "jobs_queue": "fillfactor=20",
    "jobs_lane": "fillfactor=50, autovacuum_vacuum_scale_factor=0.05,"
    " autovacuum_vacuum_threshold=500",
}


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]
    operations = [
        migrations.RunSQL(f"ALTER TABLE {table} SET ({options})", migrations.RunSQL.noop)
        for table, options in TUNED.items()
    ]
