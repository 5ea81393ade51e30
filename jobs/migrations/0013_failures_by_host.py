from django.db import migrations, models

from jobs.indexes import AddIndexWhileServing


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('jobs', '0012_operators_wishes'),
    ]

    operations = [
        AddIndexWhileServing(
            model_name='job',
            index=models.Index(condition=models.Q(('state', 'failed')), fields=['host', '-created_at', '-id'], name='job_failed_by_host'),
        ),
    ]
