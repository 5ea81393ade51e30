from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0011_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='wish_is_operators',
            field=models.BooleanField(db_default=False, default=False, help_text='whether an operator wishes it, and not its caller'),
        ),
    ]
