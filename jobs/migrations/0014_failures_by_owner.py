from django.db import migrations, models

from jobs.indexes import AddIndexWhileServing


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('jobs', '0013_failures_by_host'),
    ]

    operations = [
        AddIndexWhileServing(
            model_name='job',
            index=models.Index(condition=models.Q(('state', 'failed')), fields=['owner', '-created_at', '-id'], name='job_failed_by_owner'),
        ),
    ]
