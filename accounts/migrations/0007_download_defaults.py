from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_audit_entries")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="download_defaults",
            field=models.JSONField(
                blank=True,
                default=dict,
                editable=False,
                help_text="how the dashboard's form begins; empty for the usual way",
            ),
        ),
    ]
