"""Failure codes go with states: told of it, PostgreSQL expects no 0.4 % of the failed jobs where all of them are."""

from django.db import migrations

ADD = """
    CREATE STATISTICS IF NOT EXISTS job_state_and_error (dependencies, mcv) ON state, error_code FROM jobs_job;
    ANALYZE jobs_job (state, error_code);
"""
DROP = "DROP STATISTICS IF EXISTS job_state_and_error"


def on_postgresql(sql):
    """SQLite counts columns one by one, and its tables are small."""

    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql)

    return run


class Migration(migrations.Migration):
    dependencies = [("jobs", "0014_failures_by_owner")]

    operations = [migrations.RunPython(on_postgresql(ADD), on_postgresql(DROP))]
