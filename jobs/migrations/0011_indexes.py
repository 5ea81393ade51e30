import django.db.models.functions.text
from django.db import migrations, models

from jobs.indexes import AddIndexWhileServing


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('jobs', '0010_metrics'),
    ]

    operations = [
        AddIndexWhileServing(
            model_name='archiveentry',
            index=models.Index(fields=['video_id'], name='archive_by_video'),
        ),
        AddIndexWhileServing(
            model_name='batch',
            index=models.Index(fields=['-created_at', '-id'], name='batch_by_age'),
        ),
        AddIndexWhileServing(
            model_name='delivery',
            index=models.Index(fields=['state', '-created_at', '-id'], name='delivery_by_state'),
        ),
        AddIndexWhileServing(
            model_name='job',
            index=models.Index(fields=['-created_at', '-id'], name='job_by_age'),
        ),
        AddIndexWhileServing(
            model_name='job',
            index=models.Index(fields=['host', '-created_at', '-id'], name='job_by_host'),
        ),
        AddIndexWhileServing(
            model_name='job',
            index=models.Index(condition=models.Q(('error_code', ''), _negated=True), fields=['error_code', '-created_at', '-id'], name='job_by_error'),
        ),
        AddIndexWhileServing(
            model_name='job',
            index=models.Index(condition=models.Q(('completed_at__isnull', False)), fields=['completed_at', 'state', 'host', 'error_code'], name='job_by_end'),
        ),
        AddIndexWhileServing(
            model_name='job',
            index=models.Index(condition=models.Q(('api_key__isnull', False)), fields=['api_key', '-created_at'], name='job_by_key'),
        ),
        AddIndexWhileServing(
            model_name='job',
            index=models.Index(django.db.models.functions.text.Left('url', 200), name='job_by_link'),
        ),
        AddIndexWhileServing(
            model_name='mediafile',
            index=models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['size_bytes'], name='file_stored'),
        ),
    ]
