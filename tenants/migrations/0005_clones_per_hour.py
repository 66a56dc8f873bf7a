from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0004_memberships'),
    ]

    operations = [
        migrations.AddField(
            model_name='tenant',
            name='clones_per_hour',
            field=models.PositiveIntegerField(blank=True, help_text="Empty: the tier's.", null=True),
        ),
        migrations.AddField(
            model_name='tier',
            name='clones_per_hour',
            field=models.PositiveIntegerField(db_default=30, default=30, help_text='Clones asked for within an hour.'),
        ),
    ]
