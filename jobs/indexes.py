"""The operation of migrations that adds an index to a table in use."""

from typing import Any

from django.db import NotSupportedError
from django.db.migrations.operations import AddIndex

IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


class AddIndexWhileServing(AddIndex):
    """`AddIndex` that lets PostgreSQL's clients write meanwhile; SQLite's wait, as they do for every writer.

    For migrations with `atomic = False`. Harmless to repeat: an index that is there stays, and what was left of one
    when its making was cut off is made anew.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        connection = schema_editor.connection
        if not self.allow_migrate_model(connection.alias, model):
            return
        is_valid = _is_valid(connection, model._meta.db_table, self.index.name)
        if is_valid:
            return
        if connection.vendor != "postgresql":
            schema_editor.add_index(model, self.index)
            return
        if connection.in_atomic_block:
            raise NotSupportedError("An index is added beside writers only where the migration says `atomic = False`.")
        if is_valid is False:
            schema_editor.execute(f"DROP INDEX CONCURRENTLY {schema_editor.quote_name(self.index.name)}")
        schema_editor.add_index(model, self.index, concurrently=True)


def _is_valid(connection: Any, table: str, name: str) -> bool | None:
    """None when there is no such index."""
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            return True if name in connection.introspection.get_constraints(cursor, table) else None
        cursor.execute(IS_VALID, [connection.ops.quote_name(name)])
        row = cursor.fetchone()
    return row[0] if row else None
